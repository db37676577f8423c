"""The reconciler stores states again before their events expire."""

from datetime import timedelta

from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, each_once, service

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


async def test_the_stream_has_the_configured_retention(broker: NatsConnection) -> None:
    async with service(broker, retention_days=2.0):
        info = await broker.jetstream.stream_info(CLOUD_STREAM)
        assert info.config.max_age == timedelta(days=2).total_seconds()
