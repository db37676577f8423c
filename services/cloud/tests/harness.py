"""Test harness of the cloud service: a NATS client, a stream reader, and processes."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from opsroom_cloud.commands.commands import CommandRules, Commands
from opsroom_cloud.commands.orders import OrderMaker, OrderPolicy
from opsroom_cloud.commands.pending_quota import PendingQuota
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.names import CatchUp, ServerNames
from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_cloud.operations.agent_operations import AgentOperations, lateness
from opsroom_cloud.operations.deadlines import CommandDeadlines, Deadlines
from opsroom_cloud.operations.operations import Operations
from opsroom_cloud.operations.runner import OperationRunner
from opsroom_cloud.operations.timers import Timers
from opsroom_cloud.providers.agents import AgentClient
from opsroom_cloud.providers.directory import ProviderDirectory
from opsroom_cloud.providers.provider import Provider, SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import AWAITING, COMMANDS, IMMEDIATE, UNDONE, Command, EventType
from opsroom_contracts.cloud.models import (
    INSTANCE_EVENT,
    OUTSIDE,
    UNFINISHED,
    Instance,
    InstanceEvent,
    Operation,
    apply,
)
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    ApproveRequest,
    CancelRequest,
    CreateRequest,
    DenyRequest,
    InstanceRequest,
    LabelRequest,
    ListReply,
    ListRequest,
    OperationReply,
    OperationRequest,
    ProvidersRequest,
    ProviderView,
    RenameRequest,
)
from opsroom_contracts.errors import Fault, FaultError
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer

FINAL = frozenset({*(spec.done for spec in COMMANDS.values()), EventType.ADOPTED, *UNDONE})
"""The events that end an operation; also those of commands without a delay, which end with the first."""
IGNORED = frozenset({*IMMEDIATE.values(), *(OUTSIDE - {EventType.ADOPTED}), EventType.WORKING})
"""The events that neither begin nor end an operation with a delay."""
_PAGE = 1000
DELAY_SECONDS = 1.0
"""Long enough to cancel a command on a busy machine."""


def settings(**changes: object) -> CloudSettings:
    """Return settings with short times, regardless of the environment."""
    quick = {"delay_seconds": DELAY_SECONDS, "sweep_seconds": 0.2, "grace_seconds": 0.5, **changes}
    return CloudSettings().model_copy(update=quick)


def service(
    broker: NatsConnection, provider: Provider | None = None, **changes: object
) -> AbstractAsyncContextManager[asyncio.Event]:
    """Run the whole service in this process."""
    return cloud_service(broker, settings(**changes), provider or SimulatedProvider(0))


@asynccontextmanager
async def event_store_without_projection(broker: NatsConnection) -> AsyncIterator[EventStore]:
    """An event store with an empty projection, as in a process whose subscription has delivered nothing."""
    writer = BatchWriter(broker)
    reader = StreamReader(broker, CLOUD_STREAM)
    async with run_tasks(writer=writer.run()):
        yield EventStore(
            InstanceProjection(), reader, writer, clock=BrokerClock(), operations_retention=timedelta(days=1)
        )


def runner_of(broker: NatsConnection, events: EventStore) -> OperationRunner:
    """Return a runner with the simulated provider, as in another process."""
    deadlines = CommandDeadlines(create=timedelta(seconds=10), other=timedelta(seconds=10))
    clock, late = BrokerClock(), lateness(Metrics())
    working = AgentOperations(events, AgentClient(broker), deadlines, clock, late)
    longest = Deadlines(1.0, timedelta(days=1))
    decided = Metrics().counter("operations_decided", "Decisions.", ("decision",))
    return OperationRunner(events, SimulatedProvider(0), working, longest, clock=clock, decided=decided)


def commands_of(broker: NatsConnection, events: EventStore, delay: float) -> Commands:
    """Return handlers of commands whose projection is empty, as in a process that has received nothing."""
    clock, projection = BrokerClock(), InstanceProjection()
    spec = SubscriptionSpec(CLOUD_STREAM, (CLOUD_EVENTS,), StartPolicy.STATE_THEN_EVENTS)
    catch_up = CatchUp(events, StreamSubscription(broker, spec, projection))
    names, directory = ServerNames(events, projection, catch_up), ProviderDirectory(projection, clock)
    orders = OrderMaker(events, names, directory, OrderPolicy(clock, timedelta(seconds=delay)))
    rules = CommandRules(names, directory, PendingQuota(projection))
    timers = Timers(runner_of(broker, events), clock=clock)
    return Commands(events, Operations(events, clock), timers, orders, rules)


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored event with its message."""

    message: StreamMessage
    event: InstanceEvent


class Cloud:
    """A client of the service over NATS that also reads the stream directly."""

    def __init__(self, broker: NatsConnection, *, attempt: float = 3.0, timeout: float = 30.0) -> None:
        self.broker = broker
        self.reader = StreamReader(broker, CLOUD_STREAM)
        self._requester = RequestClient(broker, timeout=timeout, first_timeout=attempt)

    async def create(
        self, client_id: str | None = None, actor: str = "ann", identity: str | None = None, **more: Any
    ) -> OperationReply:
        request = CreateRequest(client_id=client_id, actor=actor, identity=identity, **more)
        return await self._requester.request(endpoints.CREATE_INSTANCE, request)

    async def adopt(self, provider: str, resource: str, **more: Any) -> OperationReply:
        request = AdoptRequest(provider=provider, resource=resource, actor="ann", **more)
        return await self._requester.request(endpoints.ADOPT_INSTANCE, request)

    async def rename(self, instance_id: str, name: str, client_id: str | None = None) -> OperationReply:
        request = RenameRequest(instance_id=instance_id, name=name, client_id=client_id, actor="bob")
        return await self._requester.request(endpoints.RENAME_INSTANCE, request)

    async def label(self, instance_id: str, **labels: str | None) -> OperationReply:
        request = LabelRequest(instance_id=instance_id, labels=labels, actor="bob")
        return await self._requester.request(endpoints.LABEL_INSTANCE, request)

    async def providers(self) -> dict[str, ProviderView]:
        reply = await self._requester.request(endpoints.PROVIDERS, ProvidersRequest())
        return {provider.name: provider for provider in reply.providers}

    async def change(
        self, command: Command, instance_id: str, client_id: str | None = None, **more: Any
    ) -> OperationReply:
        request = InstanceRequest(instance_id=instance_id, client_id=client_id, actor="ann", **more)
        return await self._requester.request(endpoints.CHANGE_INSTANCE[command], request)

    async def cancel(self, operation_id: str, actor: str = "bob", **more: Any) -> OperationReply:
        request = CancelRequest(operation_id=operation_id, actor=actor, **more)
        return await self._requester.request(endpoints.CANCEL_OPERATION, request)

    async def approve(
        self, operation_id: str, by: str, role: Role | None = Role.OPERATOR, **more: Any
    ) -> OperationReply:
        request = ApproveRequest(
            operation_id=operation_id, actor=by, identity=f"user:{by}", address="::1", role=role, **more
        )
        return await self._requester.request(endpoints.APPROVE_OPERATION, request)

    async def deny(
        self, operation_id: str, by: str, role: Role | None = Role.OPERATOR, **more: Any
    ) -> OperationReply:
        request = DenyRequest(
            operation_id=operation_id, actor=by, identity=f"user:{by}", address="::1", role=role, **more
        )
        return await self._requester.request(endpoints.DENY_OPERATION, request)

    async def show(self, operation_id: str) -> OperationReply:
        request = OperationRequest(operation_id=operation_id)
        return await self._requester.request(endpoints.OPERATION, request)

    async def page(self, after: str | None = None, limit: int = 1000) -> ListReply:
        request = ListRequest(after=after, limit=limit)
        return await self._requester.request(endpoints.LIST_INSTANCES, request)

    async def instance(self, instance_id: str) -> Instance | None:
        return next((i for i in (await self.page()).instances if i.id == instance_id), None)

    async def finished(self, operation: Operation) -> Operation:
        """Wait until the operation is no longer pending."""
        reply = await until_answer(
            lambda: self.show(operation.id),
            lambda reply: reply.operation.status not in UNFINISHED,
        )
        return reply.operation

    async def created(self, **more: Any) -> str:
        """Create an instance, wait until it exists, and return its id."""
        operation = (await self.create(**more)).operation
        await self.finished(operation)
        return operation.instance_id

    async def put(self, subject: str, payload: bytes) -> int:
        """Publish a raw payload, as an operator could by hand; return its sequence."""
        return (await self.broker.jetstream.publish(subject, payload)).seq

    async def kept(self, subject: str = CLOUD_EVENTS, start: int = 1) -> list[Kept]:
        """Read all valid events on ``subject``, from sequence ``start``."""
        found: list[Kept] = []
        while page := await self.reader.page(subject, start=start, count=_PAGE):
            for message in page:
                try:
                    found.append(Kept(message, INSTANCE_EVENT.read(message.data)))
                except ContractError:
                    continue
            start = page[-1].seq + 1
        return found

    async def all_finished(self, count: int, timeout: float = 30.0) -> list[Kept]:
        """Wait until ``count`` operations have ended; return all events."""
        found: list[Kept] = []

        async def read_on() -> list[Kept]:
            # Read only new events: reading all of them each time would slow down the service under test.
            found.extend(await self.kept(start=found[-1].message.seq + 1 if found else 1))
            return found

        return await until_answer(
            read_on, lambda kept: sum(one.event.type in FINAL for one in kept) >= count, timeout
        )


def each_once(kept: list[Kept]) -> dict[str, list[EventType]]:
    """Check that each operation began once and then ended once; return the event types by operation.

    One that was requested and approved begins with that; the events of approvals are left out.
    """
    happened: dict[str, list[EventType]] = defaultdict(list)
    for one in kept:
        if one.event.type not in IGNORED | AWAITING:
            happened[one.event.operation_id or ""].append(one.event.type)
    for operation_id, types in happened.items():
        assert types[0] is EventType.RECEIVED, operation_id
        assert len(types) == 2, (operation_id, types)
        assert types[1] in FINAL, operation_id
    return happened


def projected(kept: list[Kept]) -> dict[str, Instance]:
    """Return the instances after these events."""
    last = {one.event.instance_id: apply(one.event) for one in kept}
    return {instance_id: instance for instance_id, instance in last.items() if instance is not None}


async def refusal(request: Awaitable[OperationReply]) -> Fault:
    """Return the error with which ``request`` is refused."""
    try:
        reply = await request
    except FaultError as error:
        return error.fault
    raise AssertionError(f"was not refused: {reply}")


class CloudProcess:
    """``python -m opsroom_cloud`` as a subprocess.

    It logs into a file, ``log``: a pipe that nobody reads would block it after some hundred lines.
    """

    def __init__(self, url: str, log: IO[bytes], **environment: str) -> None:
        self._environment = {
            **os.environ,
            "NATS_URL": url,
            "CLOUD_DELAY_SECONDS": "1",
            "CLOUD_SWEEP_SECONDS": "0.2",
            "CLOUD_GRACE_SECONDS": "0.5",
            **environment,
        }
        self._process: Process | None = None
        self._log = log

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it without waiting until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "opsroom_cloud", env=self._environment, stderr=self._log
        )

    async def kill(self) -> None:
        """Kill it, as a crash would."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> tuple[int, str]:
        """Stop it gracefully; return its exit code and its log."""
        self.process.terminate()
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """Wait until it has ended; return its exit code and its log."""
        code = await self.process.wait()
        self._log.seek(0)
        return code, self._log.read().decode()


@asynccontextmanager
async def process(url: str, **environment: str) -> AsyncIterator[CloudProcess]:
    """Start a process; it is killed at the end of the block."""
    with TemporaryFile() as log:
        cloud = CloudProcess(url, log, **environment)
        await cloud.start()
        try:
            yield cloud
        finally:
            if cloud.process.returncode is None:
                await cloud.kill()
