"""Schedules over NATS: made, run exactly once, missed and removed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.schedules import (
    RunOutcome,
    Schedule,
    ScheduleRecord,
    ScheduleRequest,
    SchedulesRequest,
    UnscheduleRequest,
)
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import AUDIT, AUDIT_STREAM, CLOUD_STREAM, instance_events, schedule_record
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, each_once, process, service

SOON = timedelta(seconds=1.5)


class Scheduler:
    """A client of schedules."""

    def __init__(self, broker: NatsConnection, timeout: float = 30.0) -> None:
        self._requester = RequestClient(broker, timeout=timeout, first_timeout=3.0)

    async def make(self, name: str, command: Command, **more: Any) -> Schedule:
        request = ScheduleRequest(name=name, command=command, actor="ann", **more)  # type: ignore[arg-type]
        return (await self._requester.request(endpoints.SCHEDULE, request)).schedule

    async def remove(self, name: str) -> Schedule:
        request = UnscheduleRequest(name=name, actor="bob")
        return (await self._requester.request(endpoints.UNSCHEDULE, request)).schedule

    async def all(self) -> dict[str, Schedule]:
        found = (await self._requester.request(endpoints.SCHEDULES, SchedulesRequest())).schedules
        return {one.name: one for one in found}

    async def ran(self, name: str, timeout: float = 30.0) -> Schedule:
        """Wait until a schedule has run."""

        async def look() -> Schedule | None:
            return (await self.all()).get(name)

        found = await until_answer(look, lambda one: one is not None and one.last is not None, timeout)
        assert found is not None
        return found


def soon(more: timedelta = SOON) -> datetime:
    return to_milliseconds(datetime.now(UTC) + more)


async def refused(request: Any) -> tuple[ErrorCode, str | None]:
    with pytest.raises(FaultError) as raised:
        await request
    return raised.value.fault.code, raised.value.fault.field


async def test_a_scheduled_command_is_an_ordinary_one_by_the_schedule(
    cloud: Cloud, broker: NatsConnection
) -> None:
    one, two = await asyncio.gather(
        cloud.created(labels={"env": "test"}), cloud.created(labels={"env": "test"})
    )
    other = await cloud.created(labels={"env": "prod"})
    scheduler = Scheduler(broker)
    at = soon()
    made = await scheduler.make("morning", Command.START, selector="env=test", at=at)
    assert made.next_at == at
    assert await scheduler.make("morning", Command.START, selector="env=test", at=at) == made, "a retry"
    ran = await scheduler.ran("morning")
    assert ran.last is not None
    assert (ran.last.outcome, ran.last.accepted, ran.last.refused) == (RunOutcome.DONE, 2, 0)
    assert ran.next_at is None
    for instance_id in (one, two):
        events = [kept.event for kept in await cloud.kept(instance_events(instance_id))]
        received = next(event for event in events if event.command is Command.START)
        assert (received.type, received.actor) == (EventType.RECEIVED, "schedule morning")
        assert received.timestamp >= at
    kept = await cloud.kept(instance_events(other))
    assert all(one.event.command is not Command.START for one in kept)
    started = await until_answer(
        lambda: cloud.instance(one), lambda found: found is not None and not found.pending
    )
    assert started is not None
    assert started.state.value == "running"
    audit = StreamReader(broker, AUDIT_STREAM)

    async def actions() -> set[tuple[str, str]]:
        entries = [AUDIT_ENTRY.read(one.data) for one in await audit.page(AUDIT, start=1, count=100)]
        return {(one.action.value, one.actor) for one in entries}

    wanted = {("schedule", "ann"), ("start", "schedule morning")}
    await until_answer(actions, lambda found: wanted <= found)


async def test_what_a_schedule_commands_can_be_undone(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=20.0, grace_seconds=5.0):
        cloud, scheduler = Cloud(broker), Scheduler(broker)
        operation = (await cloud.create(name="web")).operation
        await scheduler.make("stop-web", Command.REMOVE, ids=("web",), at=soon())
        ran = await scheduler.ran("stop-web")
        assert ran.last is not None
        assert (ran.last.accepted, ran.last.refused, ran.last.code) == (0, 1, ErrorCode.OPERATION_PENDING)
        assert (await cloud.cancel(operation.id)).operation.status.value == "cancelled"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"cron": "0 19 * *"}, "cron"),
        ({"cron": "0 0 31 feb *"}, "cron"),
        ({"cron": "0 19 * * *", "zone": "Mars/Olympus"}, "zone"),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, "at"),
        ({"at": datetime(2090, 1, 1, tzinfo=UTC)}, "at"),
    ],
)
async def test_an_invalid_schedule_is_refused_by_its_field(
    cloud: Cloud, broker: NatsConnection, more: dict[str, Any], field: str
) -> None:
    make = Scheduler(broker).make("one", Command.STOP, ids=("web",), **more)
    assert await refused(make) == (ErrorCode.INVALID_REQUEST, field)
    assert await Scheduler(broker).all() == {}


async def test_a_removed_schedule_does_not_run_and_its_name_is_free(
    cloud: Cloud, broker: NatsConnection
) -> None:
    scheduler = Scheduler(broker)
    instance_id = await cloud.created()
    await scheduler.make("one", Command.START, ids=(instance_id,), at=soon())
    taken = scheduler.make("one", Command.STOP, ids=(instance_id,), at=soon())
    assert await refused(taken) == (ErrorCode.NAME_TAKEN, "name")
    await scheduler.remove("one")
    await scheduler.remove("one")
    assert await scheduler.all() == {}
    await scheduler.make("one", Command.REMOVE, ids=(instance_id,), at=soon())
    assert (await scheduler.ran("one")).command is Command.REMOVE
    kept = await cloud.kept(instance_events(instance_id))
    assert all(one.event.command is not Command.START for one in kept)
    assert await refused(scheduler.remove("nothing")) == (ErrorCode.NOT_FOUND, "name")


async def test_a_schedule_needs_the_approval_that_its_command_needs(broker: NatsConnection) -> None:
    async with service(broker, approvals="start label:env=prod"):
        cloud, scheduler = Cloud(broker), Scheduler(broker)
        instance_id = await cloud.created(labels={"env": "prod"})
        by = {"identity": "user:ann", "address": "::1"}
        await scheduler.make("one", Command.START, selector="env=prod", at=soon(), **by)
        await scheduler.ran("one")
        found = await until_answer(lambda: cloud.instance(instance_id), lambda one: one and one.pending)
        assert found is not None
        assert found.pending is not None
        operation_id = found.pending.id
        with pytest.raises(FaultError, match="its author can't approve"):
            await cloud.approve(operation_id, "ann")
        await cloud.approve(operation_id, "bob")


async def missed(broker: NatsConnection, cloud: Cloud, late: timedelta, **more: Any) -> ScheduleRecord:
    """A schedule whose last run is ``late``, as if all processes had been down."""
    now = datetime.now(UTC)
    record = ScheduleRecord(
        name="missed",
        command=Command.START,
        actor="ann",
        created_at=to_milliseconds(now - timedelta(days=1)),
        next_at=to_milliseconds(now - late),
        **more,
    )
    await broker.jetstream.publish(schedule_record("missed"), encode(record))
    return record


async def test_a_run_that_was_missed_a_moment_ago_is_done_once(broker: NatsConnection) -> None:
    async with service(broker):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
    await missed(broker, cloud, timedelta(minutes=5), ids=(instance_id,), cron="* * * * *")
    async with service(broker):
        ran = await Scheduler(broker).ran("missed")
        assert ran.last is not None
        assert (ran.last.outcome, ran.last.accepted) == (RunOutcome.DONE, 1), "five runs were missed"
        assert ran.last.at - ran.last.due_at < timedelta(minutes=1)
        assert ran.next_at is not None
        assert ran.next_at > ran.last.at
    kept = await cloud.kept(instance_events(instance_id))
    assert (
        sum(one.event.type is EventType.RECEIVED and one.event.command is Command.START for one in kept) == 1
    )


async def test_a_run_that_was_missed_long_ago_is_not_done(broker: NatsConnection) -> None:
    async with service(broker):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
    at = to_milliseconds(datetime.now(UTC) - timedelta(minutes=11))
    await missed(broker, cloud, timedelta(minutes=11), ids=(instance_id,), at=at)
    async with service(broker):
        ran = await Scheduler(broker).ran("missed")
        assert ran.last is not None
        assert ran.last.outcome is RunOutcome.MISSED
    kept = await cloud.kept(instance_events(instance_id))
    assert all(one.event.command is not Command.START for one in kept)


async def test_a_schedule_whose_timer_is_lost_runs(cloud: Cloud, broker: NatsConnection) -> None:
    instance_id = await cloud.created()
    scheduler = Scheduler(broker)
    await scheduler.make("one", Command.START, ids=(instance_id,), at=soon())
    await broker.jetstream.purge_stream(CLOUD_STREAM, subject="cloud.timers.*")
    await scheduler.ran("one")


async def test_several_processes_give_each_command_once_although_one_is_killed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud, scheduler = Cloud(broker, timeout=60), Scheduler(broker, timeout=60)
    async with process(broker_process.url), process(broker_process.url) as second:
        instances = await asyncio.gather(*(cloud.created(labels={"env": "test"}) for _ in range(12)))
        for round_ in range(4):
            command = Command.STOP if round_ % 2 else Command.START
            name = f"round-{round_}"
            at = soon(timedelta(seconds=2))
            await scheduler.make(name, command, selector="env=test", at=at)
            await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()) + 0.05 * round_)
            await second.kill()
            await second.start()
            ran = await scheduler.ran(name, timeout=60)
            assert ran.last is not None
            assert (ran.last.accepted, ran.last.refused) == (len(instances), 0)
            await until_answer(
                cloud.page, lambda page: all(one.pending is None for one in page.instances), timeout=60
            )
        kept = await cloud.kept()
        each_once(kept)
        for instance_id in instances:
            commands = [
                one.event.command
                for one in kept
                if one.event.instance_id == instance_id and one.event.type is EventType.RECEIVED
            ]
            assert commands == [Command.CREATE, *([Command.START, Command.STOP] * 2)]
