"""Asking a service: typed, bounded, and asked again while nobody answers."""

import asyncio
from time import monotonic
from typing import TypeVar

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.micro.request import ERROR_CODE_HEADER
from pydantic import TypeAdapter

from opsroom_contracts.codec import MAX_PAYLOAD_BYTES, ContractError, contract_of, decode, encode
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import FAULT, RETRYABLE, ErrorCode, FaultError, refuse
from opsroom_contracts.model import Model
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.runtime.tracing import SpanRole

_PAUSES = (0.05, 0.1, 0.2, 0.4)
_LEAST_SECONDS = 0.05
_BUSY_THRESHOLD = 100
"""From so many asks at once on, silence is no sign of death."""
_BUSY_TIMEOUT_SECONDS = 3.0
_AGAIN = RETRYABLE - {ErrorCode.RATE_LIMITED}
"""After these the same is asked again here; who has had too much is told when to come back."""
_REPLY_MAX_BYTES = 4 * MAX_PAYLOAD_BYTES

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)


class RequestClient:
    """Asks services over NATS.

    Every request of Opsroom carries an id that makes a second ask harmless, so one that got no answer
    is asked again until ``patience`` seconds have gone: whoever had the first may have died. The first answer
    to any of them counts. The first ask waits ``attempt`` seconds and each one after a silence twice as long:
    what only takes its time must not be asked ever more. So in a rush, where all take their time, the first
    wait is longer from the start.
    """

    def __init__(self, broker: NatsConnection, *, patience: float = 5.0, attempt: float = 0.6) -> None:
        self._broker = broker
        self._patience = patience
        self._attempt = attempt
        self._asked = broker.metrics.histogram(
            "request_seconds", "Time to the answer of a service, retries included.", ("subject", "outcome")
        )
        self._under_way = 0
        self._stopping: float | None = None
        self._limits: set[asyncio.Timeout] = set()

    def shorten_timeouts(self, seconds: float) -> None:
        """The process stops: who waits for an answer, or asks from now on, waits so many seconds at most."""
        self._stopping = asyncio.get_running_loop().time() + seconds
        for limit in self._limits:
            limit.reschedule(self._stopping)

    async def request(
        self, endpoint: Endpoint[RequestT, ReplyT], request: RequestT, *, patience: float | None = None
    ) -> ReplyT:
        """Send ``request`` to ``endpoint``; returns the reply.

        Raises:
            FaultError: the service refused; or ``unavailable``, when nobody answered in time.
        """
        subject = endpoint.subject
        began = monotonic()
        outcome = "cancelled"
        try:
            with self._broker.traces.span(f"ask {subject}", SpanRole.ASK):
                answer = await self._ask_while_here(subject, request, endpoint.reply, patience)
            outcome = "ok"
        except FaultError as error:
            outcome = error.fault.code.value
            raise
        finally:
            self._asked.observe(monotonic() - began, subject, outcome)
        return answer

    async def _ask_while_here(
        self, subject: str, request: Model, reply: type[ReplyT], patience: float | None
    ) -> ReplyT:
        limit = asyncio.timeout_at(self._stopping)
        try:
            async with limit:
                self._limits.add(limit)
                return await self._ask(subject, request, reply, patience)
        except TimeoutError:
            raise refuse(ErrorCode.UNAVAILABLE, "the gateway stops; try again") from None
        finally:
            self._limits.discard(limit)

    async def _ask(self, subject: str, request: Model, reply: type[ReplyT], patience: float | None) -> ReplyT:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._patience if patience is None else patience)
        contract = contract_of(reply)
        payload = encode(request)
        headers = self._broker.traces.headers() or None
        self._under_way += 1
        wait = (
            self._attempt if self._under_way < _BUSY_THRESHOLD else max(self._attempt, _BUSY_TIMEOUT_SECONDS)
        )
        refusals = 0
        asked: set[asyncio.Task[ReplyT]] = set()
        try:
            while True:
                left = max(_LEAST_SECONDS, deadline - loop.time())
                once = asyncio.create_task(self._once(subject, payload, contract, headers, left))
                once.add_done_callback(_note_error)
                asked.add(once)
                answer, refusal = await _first_reply(asked, min(wait, left))
                if answer is not None:
                    return answer
                pause = 0.0 if refusal is None else _PAUSES[min(refusals, len(_PAUSES) - 1)]
                if loop.time() + pause >= deadline:
                    raise refusal or refuse(
                        ErrorCode.UNAVAILABLE, f"no answer on {subject} in time; try again"
                    )
                if refusal is None:
                    wait *= 2
                else:
                    refusals += 1
                    await asyncio.sleep(pause)
        finally:
            self._under_way -= 1
            for task in asked:
                task.cancel()

    async def _once(
        self,
        subject: str,
        payload: bytes,
        contract: TypeAdapter[ReplyT],
        headers: dict[str, str] | None,
        timeout: float,
    ) -> ReplyT:
        try:
            message = await self._broker.client.request(subject, payload, timeout=timeout, headers=headers)
        except NoRespondersError:
            raise refuse(ErrorCode.UNAVAILABLE, f"no service answers on {subject}; try again") from None
        except (NatsError, TimeoutError):
            raise refuse(ErrorCode.UNAVAILABLE, f"no answer on {subject} in time; try again") from None
        return _read(message, contract)

    async def answers(self, service: str, timeout: float = 1.0) -> bool:
        """Whether at least one process of ``service`` answers a ping within ``timeout`` seconds."""
        try:
            await self._broker.client.request(f"$SRV.PING.{service}", b"", timeout=timeout)
        except (NatsError, TimeoutError):
            return False
        return True


def _note_error(once: "asyncio.Task[ReplyT]") -> None:
    """Take note of how an ask ended: nobody waits for one that failed as it was cancelled."""
    if not once.cancelled():
        once.exception()


async def _first_reply(
    asked: set[asyncio.Task[ReplyT]], wait: float
) -> tuple[ReplyT | None, FaultError | None]:
    """The first answer, or the refusal after which to ask anew; neither after ``wait`` seconds of silence.

    What has ended is taken out of ``asked``. That an earlier ask is being worked on is no refusal: its answer
    is on its way.

    Raises:
        FaultError: a refusal that asking again will not change.
    """
    deadline = asyncio.get_running_loop().time() + wait
    refusal: FaultError | None = None
    while asked:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        done, _ = await asyncio.wait(asked, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None, None
        asked -= done
        errors = [task.exception() for task in done]
        for task in done:
            if task.exception() is None:
                return task.result(), None
        for error in errors:
            if not isinstance(error, FaultError) or error.fault.code not in _AGAIN:
                raise error or AssertionError("an ask ended with neither an answer nor an error")
            refusal = error
        if refusal is not None and refusal.fault.code is not ErrorCode.IDEMPOTENCY_IN_FLIGHT:
            break
    return None, refusal


def _read(message: Msg, contract: TypeAdapter[ReplyT]) -> ReplyT:
    if message.headers and ERROR_CODE_HEADER in message.headers:
        try:
            raise FaultError(decode(FAULT, message.data))
        except ContractError:
            raise refuse(ErrorCode.INTERNAL, "a service answered with an error that can't be read") from None
    try:
        return decode(contract, message.data, _REPLY_MAX_BYTES)
    except ContractError as error:
        raise refuse(ErrorCode.INTERNAL, f"a service answered what can't be read: {error}") from error
