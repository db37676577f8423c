"""What the tests of the cloud service share: asking it over NATS, and reading what it stored."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from opsroom_cloud.events import Events
from opsroom_cloud.fold import InstanceFold
from opsroom_cloud.provider import Provider, SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.cloud import (
    INSTANCE_EVENT,
    CancelRequest,
    CreateRequest,
    EventType,
    Instance,
    InstanceEvent,
    InstanceRequest,
    ListReply,
    ListRequest,
    Operation,
    OperationReply,
    OperationRequest,
    OperationStatus,
    apply,
)
from opsroom_contracts.codec import ContractError
from opsroom_contracts.errors import Fault, FaultError
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM, CloudSubject
from opsroom_messaging.clock import SteadyClock
from opsroom_messaging.connection import Broker
from opsroom_messaging.process import running
from opsroom_messaging.requests import Requester
from opsroom_messaging.stored import Stored, StreamReader
from opsroom_messaging.writer import GroupWriter
from tests.waiting import until_answer

FINAL = frozenset(EventType) - {EventType.RECEIVED, EventType.RETAINED}
_PAGE = 1000
DELAY_SECONDS = 1.0
"""A busy machine has to cancel within it."""


def settings(**changes: object) -> CloudSettings:
    """Settings for tests: short times, whatever the environment says."""
    quick = {"delay_seconds": DELAY_SECONDS, "sweep_seconds": 0.2, "grace_seconds": 0.5, **changes}
    return CloudSettings().model_copy(update=quick)


def service(
    broker: Broker, provider: Provider | None = None, **changes: object
) -> AbstractAsyncContextManager[asyncio.Event]:
    """The whole service in this process."""
    return cloud_service(broker, settings(**changes), provider or SimulatedProvider(0))


@asynccontextmanager
async def unfollowed(broker: Broker) -> AsyncIterator[Events]:
    """The events as a process sees them whose follower has delivered nothing yet: its memory is empty."""
    writer = GroupWriter(broker)
    reader = StreamReader(broker, CLOUD_STREAM)
    async with running(writer=writer.run()):
        yield Events(
            InstanceFold(), reader, writer, clock=SteadyClock(), operations_retention=timedelta(days=1)
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as the stream keeps it."""

    message: Stored
    event: InstanceEvent


class Cloud:
    """Asks the service over NATS, and reads the stream behind its back."""

    def __init__(self, broker: Broker, *, attempt: float = 3.0, patience: float = 30.0) -> None:
        self.broker = broker
        self.reader = StreamReader(broker, CLOUD_STREAM)
        self._requester = Requester(broker, patience=patience, attempt=attempt)

    async def create(self, client_id: str | None = None, actor: str = "ann") -> OperationReply:
        request = CreateRequest(client_id=client_id, actor=actor)
        return await self._requester.ask(CloudSubject.CREATE, request, OperationReply)

    async def change(
        self, subject: CloudSubject, instance_id: str, client_id: str | None = None
    ) -> OperationReply:
        request = InstanceRequest(instance_id=instance_id, client_id=client_id, actor="ann")
        return await self._requester.ask(subject, request, OperationReply)

    async def cancel(self, operation_id: str) -> OperationReply:
        request = CancelRequest(operation_id=operation_id, actor="bob")
        return await self._requester.ask(CloudSubject.CANCEL, request, OperationReply)

    async def show(self, operation_id: str) -> OperationReply:
        request = OperationRequest(operation_id=operation_id)
        return await self._requester.ask(CloudSubject.OPERATION, request, OperationReply)

    async def page(self, after: str | None = None, limit: int = 1000) -> ListReply:
        request = ListRequest(after=after, limit=limit)
        return await self._requester.ask(CloudSubject.LIST, request, ListReply)

    async def instance(self, instance_id: str) -> Instance | None:
        return next((i for i in (await self.page()).instances if i.id == instance_id), None)

    async def finished(self, operation: Operation) -> Operation:
        """Wait until the operation has ended."""
        reply = await until_answer(
            lambda: self.show(operation.id),
            lambda answer: answer.operation.status is not OperationStatus.PENDING,
        )
        return reply.operation

    async def made(self) -> str:
        """An instance that is there and stopped; answers its id."""
        operation = (await self.create()).operation
        await self.finished(operation)
        return operation.instance_id

    async def put(self, subject: str, payload: bytes) -> int:
        """Store something as an operator with the command line would; answers its sequence."""
        return (await self.broker.jetstream.publish(subject, payload)).seq

    async def kept(self, subject: str = CLOUD_EVENTS, start: int = 1) -> list[Kept]:
        """All events that the stream holds on ``subject`` from ``start`` on, without what is none."""
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
        """Wait until ``count`` operations have ended; answers all events."""
        found: list[Kept] = []

        async def read_on() -> list[Kept]:
            # Only what is new: reading everything each time would slow down what is being measured.
            found.extend(await self.kept(start=found[-1].message.seq + 1 if found else 1))
            return found

        return await until_answer(
            read_on, lambda kept: sum(one.event.type in FINAL for one in kept) >= count, timeout
        )


def each_once(kept: list[Kept]) -> dict[str, list[EventType]]:
    """What happened to each operation, after checking that it began once, before it ended once."""
    happened: dict[str, list[EventType]] = defaultdict(list)
    for one in kept:
        if one.event.type is not EventType.RETAINED:
            happened[one.event.operation_id].append(one.event.type)
    for operation_id, types in happened.items():
        assert types[0] is EventType.RECEIVED, operation_id
        assert len(types) == 2, (operation_id, types)
        assert types[1] in FINAL, operation_id
    return happened


def folded(kept: list[Kept]) -> dict[str, Instance]:
    """The instances as the events tell."""
    last = {one.event.instance_id: apply(one.event) for one in kept}
    return {instance_id: instance for instance_id, instance in last.items() if instance is not None}


async def refusal(asked: Awaitable[OperationReply]) -> Fault:
    """The fault that ``asked`` is refused with."""
    try:
        answer = await asked
    except FaultError as error:
        return error.fault
    raise AssertionError(f"was not refused: {answer}")


class CloudProcess:
    """``python -m opsroom_cloud`` as a process of its own."""

    def __init__(self, url: str, **environment: str) -> None:
        self._environment = {
            **os.environ,
            "NATS_URL": url,
            "CLOUD_DELAY_SECONDS": "1",
            "CLOUD_SWEEP_SECONDS": "0.2",
            "CLOUD_GRACE_SECONDS": "0.5",
            **environment,
        }
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it; it may not be ready yet."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "opsroom_cloud", env=self._environment, stderr=asyncio.subprocess.PIPE
        )

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.process.communicate()

    async def stop(self) -> tuple[int | None, str]:
        """End it in order; answers its exit code and what it logged."""
        self.process.terminate()
        _, logged = await self.process.communicate()
        return self.process.returncode, logged.decode()


@asynccontextmanager
async def process(url: str, **environment: str) -> AsyncIterator[CloudProcess]:
    """A started process, ended at the latest with the block."""
    cloud = CloudProcess(url, **environment)
    await cloud.start()
    try:
        yield cloud
    finally:
        if cloud.process.returncode is None:
            await cloud.kill()
