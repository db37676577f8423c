"""The epochs of streams: kept while a stream lives, new when it was created again or restored."""

from dataclasses import replace

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper, epoch_of
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer

SPEC = StreamSpec("S", ("s.>",))


async def epoch(broker: NatsConnection) -> str | None:
    return epoch_of(await broker.jetstream.stream_info("S"))


async def pretend_restored(broker: NatsConnection) -> None:
    """A restored stream has its metadata, and a time of creation that the metadata does not know."""
    config = (await broker.jetstream.stream_info("S")).config
    metadata = dict(config.metadata or {}) | {"opsroom.created": "2026-01-01T00:00:00+00:00"}
    await broker.jetstream.update_stream(replace(config, metadata=metadata))


async def test_a_stream_keeps_its_epoch_when_its_settings_change(broker: NatsConnection) -> None:
    await ensure_stream(broker, SPEC)
    first = await epoch(broker)
    assert first
    await ensure_stream(broker, SPEC)
    await ensure_stream(broker, replace(SPEC, max_age=3600))
    assert await epoch(broker) == first


async def test_a_stream_of_an_earlier_release_gets_an_epoch(broker: NatsConnection) -> None:
    await broker.jetstream.add_stream(name="S", subjects=["s.>"])
    await ensure_stream(broker, SPEC)
    assert await epoch(broker)


async def test_a_recreated_stream_has_another_epoch(broker: NatsConnection) -> None:
    await ensure_stream(broker, SPEC)
    first = await epoch(broker)
    await broker.jetstream.delete_stream("S")
    await ensure_stream(broker, SPEC)
    assert await epoch(broker) not in {None, first}


async def test_a_restored_stream_has_another_epoch_after_a_service_started(broker: NatsConnection) -> None:
    await ensure_stream(broker, SPEC)
    first = await epoch(broker)
    await pretend_restored(broker)
    await ensure_stream(broker, SPEC)
    second = await epoch(broker)
    assert second not in {None, first}
    await ensure_stream(broker, SPEC)
    assert await epoch(broker) == second


async def test_a_stream_that_is_restored_under_running_services_gets_another_epoch(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, SPEC)
    first = await epoch(broker)
    async with run_tasks(keeper=EpochKeeper(broker, ("missing", "S")).run()):
        await pretend_restored(broker)
        await until_answer(lambda: epoch(broker), lambda now: now != first)
