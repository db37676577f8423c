"""Request/reply services on ``nats.micro``: typed, concurrent, bounded, drained."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

from nats import micro
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.micro.request import Request
from nats.micro.service import EndpointStats, Service

from opsroom_contracts.codec import ContractError, PayloadTooLargeError, contract_of, decode, encode
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import HTTP_STATUS, ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.model import Model
from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.jetstream.batch_writer import OverloadedError, RefusedError
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.metrics import single
from opsroom_messaging.runtime.tracing import SpanRole

MAX_IN_FLIGHT = 20_000
"""Requests one service process works on at once; past it they are refused as overloaded."""
_REPLY_SECONDS = 10.0
"""How long a request may take; past it, and a second at most, the asker is told so."""
_LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)
Answer = Callable[[bytes], Awaitable[Model]]


class MicroService:
    """A named service whose endpoints run side by side.

    ``nats micro`` finds it by name. The statistics' ``data`` holds what the library does not count:
    refusals by code, how many requests are in flight, and the service's own ``gauges``.
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
        self._answers: dict[str, Answer] = {}
        self._by_each: set[str] = set()
        self._tasks: dict[asyncio.Task[None], float] = {}
        """Requests under way and until when, the oldest first."""
        self._overdue: set[asyncio.Task[None]] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._refusals: Counter[str] = Counter()
        self._service: Service | None = None
        self._answered = broker.metrics.histogram(
            "answer_seconds", "Time to answer a request, by its subject and outcome.", ("subject", "outcome")
        )
        broker.metrics.gauge("requests_in_flight", "Requests under way.", single(lambda: len(self._tasks)))

    def add(
        self, endpoint: Endpoint[RequestT, ReplyT], handler: Callable[[RequestT], Awaitable[ReplyT]]
    ) -> None:
        """Answer requests to ``endpoint`` with what ``handler`` returns or raises."""
        contract = contract_of(endpoint.request)

        async def answer(data: bytes) -> Model:
            return await handler(decode(contract, data or b"{}"))

        self._answers[endpoint.subject] = answer
        if endpoint.every_process:
            self._by_each.add(endpoint.subject)

    async def start(self) -> None:
        """Begin to answer."""
        service = await micro.add_service(
            self._broker.client,
            name=self._name,
            version=self._version,
            description=self._description,
            stats_handler=self._stats,
        )
        self._service = service
        for subject, answer in self._answers.items():
            await service.add_endpoint(
                name=subject.replace(".", "-"),
                subject=subject,
                handler=self._receiver(subject, answer),
                queue_group=uuid4().hex if subject in self._by_each else None,  # None: that of all
            )
        await self._broker.client.flush()

    async def stop(self, timeout: float = 5.0) -> None:
        """Take no more requests, then let those in flight be answered for up to ``timeout`` seconds."""
        if self._service is not None:
            try:
                async with asyncio.timeout(timeout):
                    await _drain_endpoints(self._broker.client, self._service)
                    await self._service.stop()
            except (NatsError, TimeoutError) as error:
                log.warning("stopping the endpoints: %s", describe(error))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _receiver(self, subject: str, answer: Answer) -> Callable[[Request], Awaitable[None]]:
        async def receive(request: Request) -> None:
            # The library awaits one handler after another; a task of our own for each keeps them apart.
            if len(self._tasks) >= MAX_IN_FLIGHT:
                await self._respond(request, refuse(ErrorCode.OVERLOADED, "too many requests at once").fault)
                return
            task = asyncio.create_task(self._answer(subject, request, answer))
            self._tasks[task] = monotonic() + _REPLY_SECONDS
            task.add_done_callback(self._forget)
            if self._looking is None:
                self._look_later()

        return receive

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._overdue.discard(task)

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._end_overdue)

    def _end_overdue(self) -> None:
        """End what takes too long. One look a second for all: a timer for each costs a tenth of a send."""
        self._looking = None
        for task, until in self._tasks.items():
            if until > monotonic():
                break
            self._overdue.add(task)
            task.cancel()
        if self._tasks:
            self._look_later()

    async def _answer(self, subject: str, request: Request, answer: Answer) -> None:
        reply: Model
        began = monotonic()
        with self._broker.traces.span(f"answer {subject}", SpanRole.ANSWER, request.headers or {}):
            try:
                reply = await answer(request.data)
            except asyncio.CancelledError:
                if asyncio.current_task() not in self._overdue:
                    raise
                reply = fault_of(TimeoutError(), subject)
            except Exception as error:  # noqa: BLE001 - the boundary: every fault becomes an answer
                reply = fault_of(error, subject)
        outcome = reply.code.value if isinstance(reply, Fault) else "ok"
        self._answered.observe(monotonic() - began, subject, outcome)
        await self._respond(request, reply)

    async def _respond(self, request: Request, reply: Model) -> None:
        try:
            if isinstance(reply, Fault):
                self._refusals[reply.code.value] += 1
                await request.respond_error(str(HTTP_STATUS[reply.code]), reply.code.value, encode(reply))
            else:
                await request.respond(encode(reply))
        except (NatsError, ValueError) as error:
            log.warning("a reply could not be sent: %s", describe(error))

    def _stats(self, _endpoint: EndpointStats) -> dict[str, Any]:
        return {"in_flight": len(self._tasks), "refusals": dict(self._refusals), **self._gauges()}


async def _drain_endpoints(client: Client, service: Service) -> None:
    """Take no more requests, but those on their way: the library's own stop would drop them.

    The broker may hand over a request a moment after it confirmed that it will send no more; the library
    drops what comes once a drain has ended, so interest is taken back one round trip before.
    """
    endpoints, service._endpoints = service._endpoints, []  # noqa: SLF001 - it has no other way
    subscriptions = [endpoint._subscription for endpoint in endpoints]  # noqa: SLF001
    known = [subscription for subscription in subscriptions if subscription is not None]
    for subscription in known:
        await client._send_unsubscribe(subscription._id)  # noqa: SLF001 - it can't be done apart from the drain
    await client.flush()
    for subscription in known:
        await subscription.drain()


_PLAIN_FAULTS: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (OverloadedError, ErrorCode.OVERLOADED, "too much at once; try again"),
    (UnavailableError, ErrorCode.UNAVAILABLE, "the broker did not answer in time; try again"),
    (TimeoutError, ErrorCode.UNAVAILABLE, "this took too long; try again"),
    (RefusedError, ErrorCode.INTERNAL, "the broker refused to store this"),
)


def fault_of(error: Exception, subject: str) -> Fault:
    """What to tell the one who asked; what is our own fault is logged with its traceback."""
    if isinstance(error, FaultError):
        return error.fault
    if isinstance(error, ContractError):
        log.info("refused a payload on %s: %s", subject, error)
        oversized = isinstance(error, PayloadTooLargeError)
        code = ErrorCode.PAYLOAD_TOO_LARGE if oversized else ErrorCode.INVALID_REQUEST
        return Fault(code=code, message=str(error)[:1000], field=error.field or None)
    for kind, code, message in _PLAIN_FAULTS:
        if isinstance(error, kind):
            log.warning("%s: %s", subject, describe(error))
            return Fault(code=code, message=message)
    log.error("%s failed", subject, exc_info=error)
    return Fault(code=ErrorCode.INTERNAL, message="an internal error; it has been logged")
