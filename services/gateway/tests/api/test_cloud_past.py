"""`GET /api/v1/cloud/instances?at=`: the servers as they were, beside a fold of all events."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, InstanceEvent, apply
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM, instance_events
from opsroom_gateway.api.cloud.past import CloudPast
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from services.gateway.tests.kit.portal import Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
SERVERS = [f"server-{number}" for number in range(6)]
EVENTS = 120
STEPS = (EventType.RECEIVED, EventType.STARTED, EventType.STOPPED, EventType.FAILED, EventType.RETAINED)


def made_up(chance: random.Random) -> list[InstanceEvent]:
    """Return events of servers that are created, changed and removed."""
    found: list[InstanceEvent] = []
    alive: set[str] = set()
    for number in range(EVENTS):
        server = chance.choice(SERVERS)
        if server not in alive:
            kind, command = EventType.CREATED, Command.CREATE
            alive.add(server)
        elif chance.random() < 0.15:
            kind, command = EventType.REMOVED, Command.REMOVE
            alive.discard(server)
        else:
            kind, command = chance.choice(STEPS), Command.START
        state = chance.choice(list(InstanceState))
        found.append(
            InstanceEvent(
                type=kind,
                instance_id=server,
                operation_id=f"o{number}",
                command=command,
                state=state,
                actor="ann",
                timestamp=START + timedelta(seconds=number),
            )
        )
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(portal: Portal) -> AsyncIterator[NatsConnection]:
    """A connection to the broker of the portal."""
    connection = await connect(portal.url, name="test")
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stored(broker: NatsConnection) -> list[int]:
    """The sequences of stored events."""
    writer = BatchWriter(broker)
    found: list[int] = []
    async with run_tasks(writer=writer.run()):
        for event in made_up(random.Random(7)):
            write = Write(instance_events(event.instance_id), encode(event.stored()))
            found += await writer.write(write)
    return found


async def folded(reader: StreamReader, at: int) -> dict[str, Instance]:
    """Return the servers as of a sequence, from all events."""
    found: dict[str, Instance] = {}
    for message in await reader.page(CLOUD_EVENTS, start=1, count=1000):
        event = INSTANCE_EVENT.read(message.data)
        if message.seq > at or event.instance_id not in SERVERS:
            continue
        instance = apply(event)
        if instance is None:
            found.pop(event.instance_id, None)
        else:
            found[event.instance_id] = instance
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(stored: list[int], broker: NatsConnection) -> AsyncIterator[InstanceProjection]:
    """A projection that follows the events."""
    projection = InstanceProjection()
    source = SubscriptionSpec(CLOUD_STREAM, (CLOUD_EVENTS,), StartPolicy.STATE_THEN_EVENTS)
    subscription = StreamSubscription(broker, source, projection)
    async with run_tasks(subscription=subscription.run()):
        await subscription.ready(30)
        yield projection


async def test_any_moment_is_the_fold_of_the_events_up_to_it(
    stored: list[int], live: InstanceProjection, broker: NatsConnection
) -> None:
    reader = StreamReader(broker, CLOUD_STREAM)
    for past in (CloudPast(reader, live), CloudPast(reader, InstanceProjection())):  # the second saw nothing
        for at in [stored[0], *random.Random(3).sample(stored, 15), stored[-1]]:
            shown = await past.instances(at, None)
            assert shown.seq == at
            assert {one.id: one for one in shown.instances} == await folded(reader, at)


async def test_a_moment_that_is_too_far_back_is_refused_with_the_oldest(
    stored: list[int], live: InstanceProjection, broker: NatsConnection
) -> None:
    past = CloudPast(StreamReader(broker, CLOUD_STREAM), live, reach=10)
    with pytest.raises(FaultError) as refused:
        await past.instances(stored[0], None)
    oldest = int(str(refused.value).rpartition(" ")[2])
    assert (refused.value.fault.code, refused.value.fault.field) == (ErrorCode.INVALID_REQUEST, "at")
    assert (await past.instances(oldest, None)).seq == oldest
    with pytest.raises(FaultError):
        await past.instances(oldest - 1, None)
    with pytest.raises(FaultError, match="in the future"):
        await past.instances(stored[-1] + 1_000_000, None)


async def test_a_time_is_that_of_the_last_event_before_it(stored: list[int], broker: NatsConnection) -> None:
    reader = StreamReader(broker, CLOUD_STREAM)
    past = CloudPast(reader, InstanceProjection())
    message = await reader.at(stored[30])
    assert message is not None
    shown = await past.instances(None, message.at)
    assert shown.seq >= stored[30]
    assert shown.timestamp is not None
    assert shown.timestamp <= message.at
    with pytest.raises(FaultError, match="the oldest event is of"):
        await past.instances(None, START - timedelta(days=400))


async def test_over_http(stored: list[int], portal: Portal) -> None:
    async with portal.gateway.requests() as client:

        async def ask(**query: Any) -> Any:
            return (await client.get("/api/v1/cloud/instances", params=query)).json()

        now = await ask()
        then = await ask(at=now["seq"])
        assert {one["id"]: one for one in then["instances"]} == {one["id"]: one for one in now["instances"]}
        assert (await ask(at=stored[5]))["seq"] == stored[5]
        moment = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        assert (await ask(time=moment))["seq"] >= stored[-1]
        for query in ({"at": 0}, {"at": "x"}, {"time": "x"}, {"at": 1, "time": moment}):
            assert (await ask(**query))["code"] == "invalid_request"
        together = await asyncio.gather(*(ask(at=seq) for seq in stored[-8:]))
        assert [one["seq"] for one in together] == stored[-8:]


async def test_a_server_whose_earlier_events_are_gone_is_as_its_state_was_stored_again(
    stored: list[int], broker: NatsConnection
) -> None:
    reader, writer = StreamReader(broker, CLOUD_STREAM), BatchWriter(broker)
    quiet = InstanceEvent(
        type=EventType.CREATED,
        instance_id="quiet",
        operation_id="q",
        command=Command.CREATE,
        state=InstanceState.STOPPED,
        actor="ann",
        timestamp=START,
    )
    async with run_tasks(writer=writer.run()):

        async def write(event: InstanceEvent) -> int:
            write = Write(instance_events(event.instance_id), encode(event.stored()))
            return (await writer.write(write))[0]

        first = await write(quiet)
        middle = await write(quiet.model_copy(update={"instance_id": "other"}))
        await write(quiet.model_copy(update={"type": EventType.RETAINED}))
        await write(quiet.model_copy(update={"instance_id": "later"}))
    await broker.jetstream.purge_stream(CLOUD_STREAM, seq=first + 1)
    past = CloudPast(reader, InstanceProjection())
    shown = [one.id for one in (await past.instances(middle, None)).instances]
    assert {"quiet", "other"} <= set(shown)
    assert "later" not in shown
    with pytest.raises(FaultError, match=f"the oldest sequence is {middle}"):
        await past.instances(first, None)
