"""Request/reply services on ``nats.micro``: typed, concurrent, with an in-flight limit and a drain."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar, cast
from uuid import uuid4

from nats import micro
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.micro.request import Request
from nats.micro.service import EndpointStats

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import HTTP_STATUS, ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.serialization.codec import (
    ContractError,
    PayloadTooLargeError,
    contract_of,
    decode,
    encode,
)
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.nats_client import SubscriptionRecorder
from opsroom_messaging.errors import NoRoomError, OverloadedError, RejectedError, UnavailableError
from opsroom_runtime.metrics import single
from opsroom_runtime.spans import SpanKind

MAX_IN_FLIGHT = 20_000
"""Requests that one process handles at once; further ones are rejected as overloaded."""
_REQUEST_TIMEOUT_SECONDS = 10.0
"""A request that takes longer is cancelled at the next check and answered with ``unavailable``."""
_TIMEOUT_CHECK_SECONDS = 1.0

log = logging.getLogger(__name__)

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)
_Replier = Callable[[bytes], Awaitable[Model]]
"""Decodes a request and returns the reply."""


class MicroService:
    """A named service that handles its requests concurrently.

    ``nats micro`` lists it by name. The ``data`` of its statistics has what the library does not count:
    errors by code, the requests in flight, why the process is not ready, and the values that ``gauges``
    returns.
    """

    def __init__(
        self,
        broker: NatsConnection,
        *,
        name: str,
        version: str,
        description: str,
        gauges: Callable[[], dict[str, int]],
    ) -> None:
        self._broker = broker
        self._gauges = gauges
        self._name = name
        self._version = version
        self._description = description
        self._endpoints: dict[str, _Replier] = {}
        self._broadcast_subjects: set[str] = set()
        self._tasks: dict[asyncio.Task[None], float] = {}
        """Requests in flight and their deadlines, the oldest first."""
        self._timed_out: set[asyncio.Task[None]] = set()
        self._timeout_check: asyncio.TimerHandle | None = None
        self._error_counts: Counter[str] = Counter()
        self._recorder = SubscriptionRecorder(broker.client)
        self._latency = broker.metrics.histogram(
            "answer_seconds", "Time to answer a request, by its subject and outcome.", ("subject", "outcome")
        )
        broker.metrics.gauge("requests_in_flight", "Requests in flight.", single(lambda: len(self._tasks)))

    def add(
        self, endpoint: Endpoint[RequestT, ReplyT], handler: Callable[[RequestT], Awaitable[ReplyT]]
    ) -> None:
        """Register ``handler`` for requests to ``endpoint``; its result, or its exception, is the reply."""
        contract = contract_of(endpoint.request)

        async def reply_to(data: bytes) -> Model:
            return await handler(decode(contract, data or b"{}", endpoint.request_max))

        self._endpoints[endpoint.subject] = reply_to
        if endpoint.every_process:
            self._broadcast_subjects.add(endpoint.subject)

    async def start(self) -> None:
        """Subscribe to all endpoints."""
        service = await micro.add_service(
            cast("Client", self._recorder),
            name=self._name,
            version=self._version,
            description=self._description,
            stats_handler=self._stats,
        )
        for subject, endpoint in self._endpoints.items():
            await service.add_endpoint(
                name=subject.replace(".", "-"),
                subject=subject,
                handler=self._request_handler(subject, endpoint),
                # None is the default queue group, which all processes of the service share.
                queue_group=uuid4().hex if subject in self._broadcast_subjects else None,
            )
        await self._broker.client.flush()

    async def stop(self, timeout: float = 5.0) -> None:
        """Stop receiving requests, then wait up to ``timeout`` seconds for those in flight."""
        try:
            async with asyncio.timeout(timeout):
                await self._drain()
        except (NatsError, TimeoutError) as error:
            log.warning("stopping the endpoints: %s", describe(error))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
        if self._timeout_check is not None:
            self._timeout_check.cancel()

    async def _drain(self) -> None:
        """Unsubscribe, the endpoints first, and still deliver the requests on their way.

        The stop of ``nats.micro`` would drop them.
        """
        subscriptions = self._recorder.subscriptions
        while subscriptions:
            await subscriptions.pop().drain()  # type: ignore[no-untyped-call]

    def _request_handler(self, subject: str, endpoint: _Replier) -> Callable[[Request], Awaitable[None]]:
        async def handle(request: Request) -> None:
            # The library awaits one handler after another, so each request gets a task.
            if len(self._tasks) >= MAX_IN_FLIGHT:
                await self._respond(request, refuse(ErrorCode.OVERLOADED, "too many requests at once").fault)
                return
            task = asyncio.create_task(self._serve(subject, request, endpoint))
            self._tasks[task] = monotonic() + _REQUEST_TIMEOUT_SECONDS
            task.add_done_callback(self._remove_task)
            if self._timeout_check is None:
                self._schedule_timeout_check()

        return handle

    def _remove_task(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._timed_out.discard(task)

    def _schedule_timeout_check(self) -> None:
        self._timeout_check = asyncio.get_running_loop().call_later(
            _TIMEOUT_CHECK_SECONDS, self._cancel_timed_out
        )

    def _cancel_timed_out(self) -> None:
        """Cancel overdue requests. One timer serves all: a timer for each costs 10 % of a send's time."""
        self._timeout_check = None
        for task, deadline in self._tasks.items():
            if deadline > monotonic():
                break
            self._timed_out.add(task)
            task.cancel()
        if self._tasks:
            self._schedule_timeout_check()

    async def _serve(self, subject: str, request: Request, endpoint: _Replier) -> None:
        reply: Model
        started_at = monotonic()
        with self._broker.tracer.span(f"answer {subject}", SpanKind.SERVER, request.headers or {}):
            try:
                reply = await endpoint(request.data)
            except asyncio.CancelledError:
                if asyncio.current_task() not in self._timed_out:
                    raise
                reply = fault_of(TimeoutError(), subject)
            except Exception as error:  # noqa: BLE001 - the boundary: every exception becomes a reply
                reply = fault_of(error, subject)
        outcome = reply.code.value if isinstance(reply, Fault) else "ok"
        self._latency.observe(monotonic() - started_at, subject, outcome)
        await self._respond(request, reply)

    async def _respond(self, request: Request, reply: Model) -> None:
        try:
            if isinstance(reply, Fault):
                self._error_counts[reply.code.value] += 1
                await request.respond_error(str(HTTP_STATUS[reply.code]), reply.code.value, encode(reply))
                return
            payload = encode(reply)
            limit = self._broker.client.max_payload
            if len(payload) > limit:  # the client library would raise, and the requester would get no reply
                await self._respond(request, _oversized(len(payload), limit))
            else:
                await request.respond(payload)
        except (NatsError, ValueError) as error:
            log.warning("a reply could not be sent: %s", describe(error))

    def _stats(self, _endpoint: EndpointStats) -> dict[str, Any]:
        problem = self._broker.readiness.problem()
        return {
            "in_flight": len(self._tasks),
            "refusals": dict(self._error_counts),
            **({} if problem is None else {"problem": problem}),
            **self._gauges(),
        }


def _oversized(size: int, limit: int) -> Fault:
    message = f"the reply has {size} bytes, and the broker accepts {limit}; ask for a smaller page"
    log.error("%s", message)
    return Fault(code=ErrorCode.INTERNAL, message=message)


_NO_ROOM = "there is no room to store anything: the operator of the portal must make some"
_NO_ROOM_RETRY_SECONDS = 5.0

_FAULTS: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (OverloadedError, ErrorCode.OVERLOADED, "the service is overloaded; try again"),
    (UnavailableError, ErrorCode.UNAVAILABLE, "the broker did not answer in time; try again"),
    (TimeoutError, ErrorCode.UNAVAILABLE, "the request timed out; try again"),
    (RejectedError, ErrorCode.INTERNAL, "the broker rejected the write"),
)


def fault_of(error: Exception, subject: str) -> Fault:
    """The reply for ``error``. Logs it; an unexpected one with its traceback, which the reply leaves out."""
    if isinstance(error, FaultError):
        return error.fault
    if isinstance(error, ContractError):
        log.info("rejected a payload on %s: %s", subject, error)
        oversized = isinstance(error, PayloadTooLargeError)
        code = ErrorCode.PAYLOAD_TOO_LARGE if oversized else ErrorCode.INVALID_REQUEST
        return Fault(code=code, message=str(error)[:1000], field=error.field or None)
    if isinstance(error, NoRoomError):
        log.warning("%s: %s", subject, describe(error))
        return Fault(code=ErrorCode.UNAVAILABLE, message=_NO_ROOM, retry_after=_NO_ROOM_RETRY_SECONDS)
    for kind, code, message in _FAULTS:
        if isinstance(error, kind):
            log.warning("%s: %s", subject, describe(error))
            return Fault(code=code, message=message)
    log.error("%s failed", subject, exc_info=error)
    return Fault(code=ErrorCode.INTERNAL, message="an internal error; it has been logged")
