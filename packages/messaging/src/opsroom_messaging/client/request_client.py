"""Typed requests to services, with timeouts and retries."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import TypeVar

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.micro.request import ERROR_CODE_HEADER
from pydantic import TypeAdapter

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import FAULT, RETRYABLE, ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.serialization.codec import (
    MAX_PAYLOAD_BYTES,
    ContractError,
    contract_of,
    decode_lenient,
    encode,
)
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.reply_times import ReplyTimes
from opsroom_runtime.spans import SpanKind

_RETRY_DELAYS = (0.05, 0.1, 0.2, 0.4)
_MIN_TIMEOUT_SECONDS = 0.05
_LONGEST_FIRST_TIMEOUT_SECONDS = 3.0
_RETRIED_HERE = RETRYABLE - {ErrorCode.RATE_LIMITED}
"""Errors after which the request is retried here; a rate-limited caller gets ``retryAfter`` instead."""
_REPLY_MAX_BYTES = 4 * MAX_PAYLOAD_BYTES

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)


class NotServedError(FaultError):
    """No process serves this endpoint: none is running, or those that are belong to an earlier release."""


class RequestClient:
    """Sends requests to services over NATS.

    Every request of Opsroom has an id that makes a retry harmless. So a request without a reply is sent again
    until ``timeout`` seconds have passed, since the service that received the first one may have died. The
    first reply to any attempt counts.

    But a refusal of a request with an idempotency key is not final while an earlier attempt has no reply. A
    process that was stopped for a moment could accept that one later, although its sender knows of the
    refusal. So the other replies are awaited, too.

    The wait for a reply starts at ``first_timeout`` seconds and doubles with each attempt (exponential
    backoff). Under load, when all replies are slow, it starts higher. Requests that get no reply do not count
    for that: if one of two processes sleeps, half of them do, and waiting longer would not help. Nor does the
    wait double then: later requests have their replies, so the next attempt is as likely to get one.
    """

    def __init__(self, broker: NatsConnection, *, timeout: float = 5.0, first_timeout: float = 0.6) -> None:
        self._broker = broker
        self._timeout = timeout
        self._first_timeout = first_timeout
        self._latency = broker.metrics.histogram(
            "request_seconds", "Time to the reply of a service, retries included.", ("subject", "outcome")
        )
        self._reply_times: dict[str, ReplyTimes] = {}
        self._stop_deadline: float | None = None
        self._stop_timeouts: set[asyncio.Timeout] = set()

    def shorten_timeouts(self, seconds: float) -> None:
        """Let all current and later requests fail after ``seconds`` at most: the process stops."""
        self._stop_deadline = asyncio.get_running_loop().time() + seconds
        for timeout in self._stop_timeouts:
            timeout.reschedule(self._stop_deadline)

    async def request(
        self,
        endpoint: Endpoint[RequestT, ReplyT],
        request: RequestT,
        *,
        timeout: float | None = None,
        optional: bool = False,
    ) -> ReplyT:
        """Send ``request`` and return the reply. ``timeout``: seconds, in place of the client's.

        ``optional``: a service of an earlier release may lack the endpoint. The request then fails at once.

        Raises:
            NotServedError: no process serves the endpoint, which is ``optional``.
            FaultError: the service returned an error; or ``unavailable``: no reply in time.
        """
        subject = endpoint.subject
        started_at = monotonic()
        outcome = "cancelled"
        try:
            with self._broker.tracer.span(f"ask {subject}", SpanKind.CLIENT):
                result = await self._request_until_stop(endpoint, request, timeout, optional)
            outcome = "ok"
        except FaultError as error:
            outcome = error.fault.code.value
            raise
        finally:
            self._latency.observe(monotonic() - started_at, subject, outcome)
        return result

    async def is_responding(self, service: str, timeout: float = 1.0) -> bool:
        """Whether at least one process of ``service`` answers a ping within ``timeout`` seconds."""
        try:
            await self._broker.client.request(f"$SRV.PING.{service}", b"", timeout=timeout)
        except (NatsError, TimeoutError):
            return False
        return True

    async def _request_until_stop(
        self, endpoint: Endpoint[RequestT, ReplyT], request: RequestT, timeout: float | None, optional: bool
    ) -> ReplyT:
        stop_timeout = asyncio.timeout_at(self._stop_deadline)
        try:
            async with stop_timeout:
                self._stop_timeouts.add(stop_timeout)
                return await self._request_with_retries(endpoint, request, timeout, optional)
        except TimeoutError:
            raise refuse(ErrorCode.UNAVAILABLE, "the gateway is stopping; try again") from None
        finally:
            self._stop_timeouts.discard(stop_timeout)

    async def _request_with_retries(
        self, endpoint: Endpoint[RequestT, ReplyT], request: RequestT, timeout: float | None, optional: bool
    ) -> ReplyT:
        subject = endpoint.subject
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._timeout if timeout is None else timeout)
        contract = contract_of(endpoint.reply)
        payload = encode(request)
        headers = self._broker.tracer.headers() or None
        times = self._times_of(subject)
        wait = times.timeout
        errors = 0
        attempts: set[asyncio.Task[ReplyT]] = set()
        try:
            while True:
                left = max(_MIN_TIMEOUT_SECONDS, deadline - loop.time())
                sent_at = monotonic()
                attempt = asyncio.create_task(
                    _timed(self._request_once(subject, payload, contract, headers, left), times)
                )
                attempt.add_done_callback(_retrieve_exception)
                attempts.add(attempt)
                try:
                    result, error = await _first_reply_in_time(attempts, wait, left, times)
                except FaultError:
                    result = await _accepted_elsewhere(attempts, deadline) if _has_key(request) else None
                    if result is None:
                        raise
                if result is not None:
                    return result
                if optional and isinstance(error, NotServedError):
                    raise error
                delay = 0.0 if error is None else _RETRY_DELAYS[min(errors, len(_RETRY_DELAYS) - 1)]
                if loop.time() + delay >= deadline:
                    raise error or refuse(ErrorCode.UNAVAILABLE, f"no reply on {subject} in time; try again")
                if error is not None:
                    errors += 1
                    await asyncio.sleep(delay)
                elif not times.has_answered_after(sent_at):
                    wait *= 2
        finally:
            for task in attempts:
                task.cancel()

    def _times_of(self, subject: str) -> ReplyTimes:
        """The reply times of one endpoint; there are as many as endpoints."""
        longest = max(self._first_timeout, _LONGEST_FIRST_TIMEOUT_SECONDS)
        return self._reply_times.setdefault(subject, ReplyTimes(self._first_timeout, longest))

    async def _request_once(
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
            reason = f"no service listens on {subject}; try again"
            raise NotServedError(Fault(code=ErrorCode.UNAVAILABLE, message=reason)) from None
        except (NatsError, TimeoutError):
            raise refuse(ErrorCode.UNAVAILABLE, f"no reply on {subject} in time; try again") from None
        return _read(message, contract)


async def _first_reply_in_time(
    attempts: set[asyncio.Task[ReplyT]], wait: float, left: float, times: ReplyTimes
) -> tuple[ReplyT | None, FaultError | None]:
    """As :func:`_first_reply`, for ``wait`` seconds, or longer if other requests turn out to take longer.

    So a burst that makes the service slow is not sent again as a whole.
    """
    waited = min(wait, left)
    result, error = await _first_reply(attempts, waited)
    while result is None and error is None and waited < min(times.timeout, left):
        more = min(times.timeout, left) - waited
        waited += more
        result, error = await _first_reply(attempts, more)
    return result, error


async def _timed(attempt: Coroutine[None, None, ReplyT], times: ReplyTimes) -> ReplyT:
    """Await ``attempt``, and note how long the service took."""
    started_at = monotonic()
    reply = await attempt
    times.add(monotonic() - started_at, started_at)
    return reply


def _has_key(request: Model) -> bool:
    """Return whether ``request`` has an idempotency key, and so changes something."""
    return any(getattr(request, key, None) is not None for key in ("client_id", "request_id"))


async def _accepted_elsewhere(attempts: set[asyncio.Task[ReplyT]], deadline: float) -> ReplyT | None:
    """Wait for the replies to earlier attempts after one was refused; None: none of them was accepted."""
    while attempts:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        done, _ = await asyncio.wait(attempts, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        attempts -= done
        for task in done:
            if task.exception() is None:
                return task.result()
    return None


def _is_retried_here(fault: Fault) -> bool:
    """Return whether a retry may help soon. A service that says when knows better."""
    return fault.code in _RETRIED_HERE and fault.retry_after is None


def _retrieve_exception(attempt: "asyncio.Task[ReplyT]") -> None:
    """Mark the exception as retrieved: an attempt that fails while it is cancelled is not awaited."""
    if not attempt.cancelled():
        attempt.exception()


async def _first_reply(
    attempts: set[asyncio.Task[ReplyT]], wait: float
) -> tuple[ReplyT | None, FaultError | None]:
    """The first reply, or the error after which to retry; neither if ``wait`` seconds pass without one.

    Removes finished tasks from ``attempts``. After ``idempotency_in_flight`` it goes on waiting: an earlier
    attempt is being processed, and its reply will come.

    Raises:
        FaultError: an error that a retry won't change.
    """
    deadline = asyncio.get_running_loop().time() + wait
    retryable: FaultError | None = None
    while attempts:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        done, _ = await asyncio.wait(attempts, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None, None
        attempts -= done
        errors = [task.exception() for task in done]
        for task in done:
            if task.exception() is None:
                return task.result(), None
        for error in errors:
            if not isinstance(error, FaultError) or not _is_retried_here(error.fault):
                raise error or AssertionError("an attempt ended with neither a reply nor an error")
            retryable = error
        if retryable is not None and retryable.fault.code is not ErrorCode.IDEMPOTENCY_IN_FLIGHT:
            break
    return None, retryable


def _read(message: Msg, contract: TypeAdapter[ReplyT]) -> ReplyT:
    """Decode a reply. During an upgrade the service may be newer: fields that it has added are ignored."""
    if message.headers and ERROR_CODE_HEADER in message.headers:
        try:
            raise FaultError(decode_lenient(FAULT, message.data, MAX_PAYLOAD_BYTES))
        except ContractError:
            raise refuse(ErrorCode.INTERNAL, "a service returned an error that can't be read") from None
    try:
        return decode_lenient(contract, message.data, _REPLY_MAX_BYTES)
    except ContractError as error:
        raise refuse(ErrorCode.INTERNAL, f"a service returned a reply that can't be read: {error}") from error
