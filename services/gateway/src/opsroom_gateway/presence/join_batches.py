"""Joins on their way to the chat service: those that come together go together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import JOIN_BATCH_MAX, JoinBatchRequest, JoinReply, JoinRequest, JoinResult
from opsroom_contracts.errors import RETRYABLE, ErrorCode, Fault, FaultError, refuse
from opsroom_messaging.client.request_client import NotServedError, RequestClient

_REQUESTS_MAX = 2
"""How many batches may be in progress. The second one keeps the chat service busy while a reply is read."""
_CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A join that has no reply. ``result``: None if it has to be sent alone."""

    request: JoinRequest
    result: asyncio.Future[JoinResult | None]


class JoinBatches:
    """Sends a join at once while few are in progress; those that come meanwhile make the next request.

    After a restart everybody joins at once. A request, its task and its reply cost the gateway, the broker
    and the chat service more than the join itself.
    """

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester
        self._waiting: deque[_Waiting] = deque()
        self._senders: set[asyncio.Task[None]] = set()

    async def join(self, request: JoinRequest) -> JoinReply:
        """Add a connection to a member's record.

        Raises:
            FaultError: the chat service's error.
        """
        mine = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if len(self._senders) < _REQUESTS_MAX:
            sender = asyncio.create_task(self._send_waiting())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        result = await mine.result
        if result is None or (result.fault is not None and _may_pass(result.fault)):
            return await self._requester.request(endpoints.JOIN, request)
        if result.fault is not None:
            raise FaultError(result.fault)
        if result.reply is None:
            raise refuse(ErrorCode.INTERNAL, "a service returned a result that is empty")
        return result.reply

    async def close(self) -> None:
        """Refuse the joins that have no reply."""
        for sender in self._senders:
            sender.cancel()
        if self._senders:
            await asyncio.wait(self._senders, timeout=_CLOSE_SECONDS)
        _refuse(self._waiting, _stopping())

    async def _send_waiting(self) -> None:
        """Send what waits until nothing does. What arrives in this turn of the event loop comes along."""
        while batch := self._next_batch():
            try:
                await self._send(batch)
            except FaultError as error:
                _refuse(batch, error)
                if len(batch) > 1:  # no result for any: those that wait would get none either, but later
                    _refuse(self._waiting, error)
            finally:  # if this is cancelled
                _refuse(batch, _stopping())

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < JOIN_BATCH_MAX:
            one = self._waiting.popleft()
            if not one.result.done():  # it is if the socket's task was cancelled
                batch.append(one)
        return batch

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        if len(batch) == 1:
            reply = await self._requester.request(endpoints.JOIN, batch[0].request)
            _resolve(batch[0], JoinResult(reply=reply))
            return
        request = JoinBatchRequest(joins=tuple(one.request for one in batch))
        try:
            answer = await self._requester.request(endpoints.JOIN_BATCH, request, optional=True)
        except NotServedError:  # no service of this release is running
            for one in batch:
                _resolve(one, None)
            return
        for one, result in zip(batch, answer.results, strict=False):
            _resolve(one, result)
        _refuse(batch, refuse(ErrorCode.INTERNAL, "a service returned too few results"))


def _resolve(waiting: _Waiting, result: JoinResult | None) -> None:
    if not waiting.result.done():
        waiting.result.set_result(result)


def _refuse(batch: Sequence[_Waiting], error: FaultError) -> None:
    """Refuse those that have no result."""
    for one in batch:
        if not one.result.done():
            one.result.set_exception(FaultError(error.fault))


def _stopping() -> FaultError:
    return refuse(ErrorCode.UNAVAILABLE, "the gateway is stopping; try again")


def _may_pass(fault: Fault) -> bool:
    """Whether a join may succeed if it is sent again. The request alone is repeated for as long as it may."""
    return fault.code in RETRYABLE and fault.retry_after is None
