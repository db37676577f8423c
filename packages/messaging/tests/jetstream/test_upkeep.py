"""Upkeep of streams and the workers' consumer, against a real broker that loses them."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.streams import cloud_stream, members_stream, probes_stream
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.worker import Worker, WorkerConsumer
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import until, until_answer

CONSUMER = WorkerConsumer(ack_wait=30, max_pending=100)


def upkeep(broker: NatsConnection) -> Upkeep:
    return Upkeep(
        broker, [KeptStream(cloud_stream(replicas=1)), CONSUMER], optional=probes_stream(replicas=1)
    )


@asynccontextmanager
async def working(broker: NatsConnection) -> AsyncIterator[list[bytes]]:
    """Run the upkeep, and a worker on the consumer; yields what it has handled."""
    kept = upkeep(broker)
    await kept.create()
    handled: list[bytes] = []

    async def handle(message: StreamMessage) -> None:
        handled.append(message.data)

    worker = Worker(
        broker,
        stream=subjects.CLOUD_STREAM,
        durable=subjects.CLOUD_WORKERS,
        handle=handle,
        on_failure=kept.check_now,
    )
    async with run_tasks(upkeep=kept.run(), worker=worker.run()):
        await until(lambda: kept.has_optional)
        yield handled


async def put(broker: NatsConnection, data: bytes) -> None:
    await broker.jetstream.publish("cloud.due.x", data)


async def test_a_deleted_consumer_is_created_again(
    broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(broker) as handled:
        await put(broker, b"one")
        await until(lambda: handled == [b"one"])
        await broker.jetstream.delete_consumer(subjects.CLOUD_STREAM, subjects.CLOUD_WORKERS)
        await until_answer(lambda: CONSUMER.exists(broker), bool)
        await put(broker, b"two")
        await until(lambda: b"two" in handled)
        await until(lambda: broker.readiness.problem() is None)
    assert "consumer workers is missing at the broker: creating it again" in caplog.messages


async def test_a_consumer_with_another_configuration_is_repaired(broker: NatsConnection) -> None:
    async with working(broker):
        other = WorkerConsumer(ack_wait=1, max_pending=1)
        await other.ensure(broker)
        await until_answer(lambda: CONSUMER.exists(broker), bool)


async def test_a_deleted_stream_is_created_again_with_its_consumer(broker: NatsConnection) -> None:
    async with working(broker) as handled:
        await broker.jetstream.delete_stream(subjects.CLOUD_STREAM)
        await broker.jetstream.delete_stream(subjects.PROBES_STREAM)
        for spec in (cloud_stream(replicas=1), probes_stream(replicas=1)):
            await until_answer(lambda spec=spec: KeptStream(spec).exists(broker), bool)  # type: ignore[misc]
        await until_answer(lambda: CONSUMER.exists(broker), bool)
        await put(broker, b"two")
        await until(lambda: b"two" in handled)


async def test_while_something_is_missing_the_process_is_not_ready(
    broker: NatsConnection,
) -> None:
    """The stream can't be created while another one has its subjects."""
    kept = upkeep(broker)
    await kept.create()
    config = (await broker.jetstream.stream_info(subjects.CLOUD_STREAM)).config
    await broker.jetstream.delete_stream(subjects.CLOUD_STREAM)
    await broker.jetstream.add_stream(name="SQUATTER", subjects=config.subjects)
    async with run_tasks(upkeep=kept.run()):
        kept.check_now()
        await until(lambda: broker.readiness.problem() == "stream CLOUD is missing")
        await broker.jetstream.delete_stream("SQUATTER")
        await until(lambda: broker.readiness.problem() is None)


async def test_everything_is_created_again_on_a_broker_that_has_lost_its_disk(
    tmp_path: Path, broker_process: BrokerProcess, broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(broker) as handled:
        await broker_process.stop()
        shutil.rmtree(tmp_path / "jetstream")
        await broker_process.start()
        await until_answer(lambda: CONSUMER.exists(broker), bool)
        await put(broker, b"two")
        await until(lambda: b"two" in handled)
        await until(lambda: broker.readiness.problem() is None)
    assert len(caplog.messages) < 30, caplog.messages


async def test_with_the_permissions_of_an_older_release_the_service_works_without_probes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = GuardedBroker(tmp_path)
    await guarded.start()
    broker = await connect(guarded.url, name="cloud", credentials=guarded.access("cloud"))
    kept = Upkeep(broker, [KeptStream(cloud_stream(replicas=1))], optional=members_stream(replicas=1))
    try:
        await kept.create()
        async with run_tasks(upkeep=kept.run()):
            await until(lambda: any("this release's permissions?" in text for text in caplog.messages))
            assert not kept.has_optional
            assert broker.readiness.problem() is None
    finally:
        await broker.close()
        await guarded.stop()
