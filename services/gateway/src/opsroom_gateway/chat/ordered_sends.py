"""Sending the messages of one socket so that they are stored in their order."""

from collections.abc import Iterator, Sequence

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SEND_BATCH_MAX, SendBatchRequest, SendReply, SendRequest, SendResult
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, encode
from opsroom_messaging.client.request_client import NotServedError, RequestClient

_BATCH_BYTES = MAX_PAYLOAD_BYTES - 4096
"""How long the messages of one request may be together."""

Sent = SendReply | FaultError
"""The outcome of a message."""


class OrderedSends:
    """Sends messages that arrived together in one request, and the next only after the reply.

    A message is never stored before another one that it came with and that comes before it, unless that one
    is refused.
    If one can't be stored now, those behind it are not sent: its sender is going to send it again.
    """

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def send(self, requests: Sequence[SendRequest], timeout: float | None = None) -> list[Sent]:
        """Store messages of one socket; return the outcome of each. ``timeout``: seconds for a request."""
        sent: list[Sent] = []
        for batch in _batches(requests):
            sent += await self._send_batch(batch, timeout)
            last = sent[-1]
            if isinstance(last, FaultError) and last.fault.code in RETRYABLE:
                break
        return [*sent, *[sent[-1]] * (len(requests) - len(sent))]

    async def _send_batch(self, batch: Sequence[SendRequest], timeout: float | None) -> list[Sent]:
        if len(batch) == 1:
            return await self._send_singly(batch, timeout)
        try:
            reply = await self._requester.request(
                endpoints.SEND_BATCH, SendBatchRequest(messages=tuple(batch)), timeout=timeout, optional=True
            )
        except NotServedError:  # no service of this release is running
            return await self._send_singly(batch, timeout)
        except FaultError as error:
            return [error] * len(batch)
        return [_sent(result) for result in reply.results]

    async def _send_singly(self, batch: Sequence[SendRequest], timeout: float | None) -> list[Sent]:
        """Send one message after another, up to the first that can't be stored now."""
        sent: list[Sent] = []
        for request in batch:
            try:
                sent.append(await self._send_one(request, timeout))
            except FaultError as error:
                sent.append(error)
                if error.fault.code in RETRYABLE:
                    break
        return [*sent, *[sent[-1]] * (len(batch) - len(sent))]

    async def _send_one(self, request: SendRequest, timeout: float | None) -> SendReply:
        try:
            return await self._requester.request(endpoints.SEND, request, timeout=timeout)
        except FaultError as error:
            if error.fault.code is not ErrorCode.USER_UNKNOWN or request.raw is None:
                raise
        # A service of the last release does not relay frames of a user who has left.
        guest = request.model_copy(update={"user_id": None})
        return await self._requester.request(endpoints.SEND, guest, timeout=timeout)


def _sent(result: SendResult) -> Sent:
    if result.fault is not None:
        return FaultError(result.fault)
    return result.reply or refuse(ErrorCode.INTERNAL, "a service returned a result that is empty")


def _batches(requests: Sequence[SendRequest]) -> Iterator[Sequence[SendRequest]]:
    """Split ``requests`` so that each part fits into one request."""
    start, size = 0, 0
    for place, request in enumerate(requests):
        length = len(encode(request)) + 1
        if place > start and (place - start >= SEND_BATCH_MAX or size + length > _BATCH_BYTES):
            yield requests[start:place]
            start, size = place, 0
        size += length
    if start < len(requests):
        yield requests[start:]
