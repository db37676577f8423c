"""Retention: old events are dropped, and the last state of an instance never is."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_cloud.instances.retention import EventRetention
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_retention import StreamRetention
from opsroom_messaging.jetstream.streams import cloud_stream, ensure_stream
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, each_once, event_store_without_projection, service

RETENTION_DAYS = 4 / 86_400


async def test_an_instance_outlives_the_retention_of_its_events(broker: NatsConnection) -> None:
    async with service(broker, retention_days=RETENTION_DAYS):
        cloud = Cloud(broker)
        instance_id, gone = await cloud.created(), await cloud.created()
        await cloud.finished((await cloud.change(Command.REMOVE, gone)).operation)
        before = await cloud.instance(instance_id)
        await until_answer(lambda: cloud.kept(instance_events(gone)), lambda kept: not kept)
        assert await cloud.instance(instance_id) == before
        kept = await cloud.kept(instance_events(instance_id))
        assert {one.event.type for one in kept} == {EventType.RETAINED}
        assert len(kept) <= 3, "stored more often than needed"
    async with service(broker, retention_days=RETENTION_DAYS):
        assert await cloud.instance(instance_id) == before
        await cloud.finished((await cloud.change(Command.START, instance_id)).operation)


async def test_a_recent_state_is_not_stored_again(cloud: Cloud) -> None:
    await cloud.created()
    await cloud.finished((await cloud.create()).operation)
    assert len(each_once(await cloud.kept())) == 2
    assert EventType.RETAINED not in {one.event.type for one in await cloud.kept()}


async def test_the_broker_drops_no_event_by_itself(broker: NatsConnection) -> None:
    await ensure_stream(broker, cloud_stream(max_age=3600, replicas=1))
    async with service(broker):
        assert not (await broker.jetstream.stream_info(CLOUD_STREAM)).config.max_age


async def test_no_instance_is_lost_while_the_portal_is_stopped_for_longer_than_the_retention(
    broker: NatsConnection,
) -> None:
    retention = timedelta(days=RETENTION_DAYS).total_seconds()
    async with service(broker, retention_days=RETENTION_DAYS):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        before = await cloud.instance(instance_id)
    await asyncio.sleep(1.5 * retention)
    async with service(broker, retention_days=RETENTION_DAYS):
        assert await cloud.instance(instance_id) == before


async def test_a_shorter_retention_loses_no_instance(broker: NatsConnection) -> None:
    async with service(broker):
        cloud = Cloud(broker)
        kept, gone = await cloud.created(), await cloud.created()
        await cloud.finished((await cloud.change(Command.REMOVE, gone)).operation)
        before = await cloud.instance(kept)
    retention = timedelta(days=RETENTION_DAYS).total_seconds()
    await asyncio.sleep(retention)
    async with service(broker, retention_days=RETENTION_DAYS):
        await until_answer(lambda: cloud.kept(instance_events(gone)), lambda found: not found)
        assert await cloud.instance(kept) == before


async def test_the_last_states_hold_up_the_retention(broker: NatsConnection) -> None:
    """As long as a state can't be stored again: here because a newer release wrote it."""
    async with service(broker, retention_days=RETENTION_DAYS):
        cloud = Cloud(broker)
        newer = await cloud.put(instance_events("newer"), b'{"version":99}')
        for _ in range(3):
            await cloud.finished((await cloud.create()).operation)
        retention = timedelta(days=RETENTION_DAYS).total_seconds()
        await asyncio.sleep(1.5 * retention)
        assert (await cloud.reader.bounds()).first == newer


async def test_an_instance_whose_state_is_lost_is_reported_as_removed(
    broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(broker, retention_days=RETENTION_DAYS):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        await broker.jetstream.purge_stream(CLOUD_STREAM)
        kept = await until_answer(lambda: cloud.kept(instance_events(instance_id)), bool)
        assert [one.event.type for one in kept] == [EventType.REMOVED]
        await until_answer(cloud.page, lambda page: not page.instances)
    assert sum(f"instance {instance_id} (stopped) is lost" in text for text in caplog.messages) == 1


@pytest.mark.parametrize(("live", "first"), [(False, 1), (True, 4)])
async def test_nothing_is_dropped_while_the_instances_are_read_again(
    broker: NatsConnection, live: bool, first: int
) -> None:
    """The projection is empty then, as if no state were needed any more."""
    await ensure_stream(broker, cloud_stream(replicas=1))
    for number in range(3):
        await broker.jetstream.publish(instance_events(str(number)), b"a state")
    async with event_store_without_projection(broker) as events:
        retention = EventRetention(
            events,
            InstanceProjection(),
            StreamRetention(broker, CLOUD_STREAM),
            clock=lambda: datetime.now(UTC) + timedelta(days=1),
            retention=timedelta(hours=1),
            is_live=lambda: live,
        )
        await retention.expire()
    assert (await StreamReader(broker, CLOUD_STREAM).bounds()).first == first
