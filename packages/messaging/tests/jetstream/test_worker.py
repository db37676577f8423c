"""Worker, against a real broker, on the consumer that the cloud workers share."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.msg import Msg

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.streams import cloud_stream, ensure_stream
from opsroom_messaging.jetstream.worker import Worker, WorkerConsumer, WorkerPace
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until


@pytest.fixture
async def stream(broker: NatsConnection) -> None:
    await ensure_stream(broker, cloud_stream(max_age=3600, replicas=1))
    await WorkerConsumer(ack_wait=30, max_pending=1000).ensure(broker)


def worker(
    broker: NatsConnection,
    handle: Callable[[StreamMessage], Awaitable[None]],
    concurrency: int = 100,
    keep_seconds: float | None = None,
) -> Worker:
    return Worker(
        broker,
        stream=subjects.CLOUD_STREAM,
        durable=subjects.CLOUD_WORKERS,
        handle=handle,
        pace=WorkerPace(concurrency, keep_seconds),
    )


async def put(broker: NatsConnection, *bodies: bytes) -> None:
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(*(writer.write(Write(f"cloud.due.{body.decode()}", body)) for body in bodies))


async def acknowledged(broker: NatsConnection) -> bool:
    info = await broker.jetstream.consumer_info(subjects.CLOUD_STREAM, subjects.CLOUD_WORKERS)
    return (info.num_ack_pending, info.num_pending) == (0, 0)


async def test_a_slow_message_does_not_delay_others(broker: NatsConnection, stream: None) -> None:
    proceed = asyncio.Event()
    done: list[bytes] = []

    async def handle(message: StreamMessage) -> None:
        if message.data == b"slow":
            await proceed.wait()
        done.append(message.data)

    async with run_tasks(worker=worker(broker, handle).run()):
        await put(broker, b"slow", b"a")
        await until(lambda: done == [b"a"])
        await put(broker, b"b")
        await until(lambda: done == [b"a", b"b"])
        proceed.set()
        await until(lambda: done == [b"a", b"b", b"slow"])


async def test_the_concurrency_is_limited(broker: NatsConnection, stream: None) -> None:
    active = peak = done = 0

    async def handle(message: StreamMessage) -> None:
        nonlocal active, peak, done
        active += 1
        peak = max(peak, active)
        await asyncio.sleep(0)
        active -= 1
        done += 1

    await put(broker, *(str(n).encode() for n in range(50)))
    async with run_tasks(worker=worker(broker, handle, concurrency=7).run()):
        await until(lambda: done == 50)
    assert peak <= 7


async def test_the_broker_hears_that_a_message_is_still_worked_on(
    broker: NatsConnection, stream: None
) -> None:
    proceed = asyncio.Event()
    acknowledgements = list[bytes]()
    handled = list[int]()

    async def handle(message: StreamMessage) -> None:
        await proceed.wait()
        handled.append(message.deliveries)

    async def acknowledge(message: Msg) -> None:
        acknowledgements.append(message.data)

    await broker.client.subscribe(f"$JS.ACK.{subjects.CLOUD_STREAM}.>", cb=acknowledge)
    await put(broker, b"slow")
    async with run_tasks(worker=worker(broker, handle, keep_seconds=0.01).run()):
        await until(lambda: len(acknowledgements) > 1)
        assert set(acknowledgements) == {Msg.Ack.Progress}
        proceed.set()
        await until(lambda: acknowledgements[-1] != Msg.Ack.Progress)
    assert handled == [1]


@pytest.mark.parametrize(
    ("error", "level"),
    [(ValueError("broken"), logging.ERROR), (UnavailableError("no broker"), logging.WARNING)],
)
async def test_a_message_that_failed_is_redelivered(
    broker: NatsConnection, stream: None, error: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[bytes, int]] = []

    async def handle(message: StreamMessage) -> None:
        seen.append((message.data, message.deliveries))
        if len(seen) == 1:
            raise error

    await put(broker, b"a")
    async with run_tasks(worker=worker(broker, handle).run()):
        await until(lambda: seen == [(b"a", 1), (b"a", 2)])
    assert [one.levelno for one in caplog.records if one.name == "opsroom_messaging.jetstream.worker"] == [
        level
    ]


async def test_a_message_that_always_fails_is_delivered_less_and_less_often(
    broker: NatsConnection, stream: None
) -> None:
    naks: list[bytes] = []
    await broker.subscribe(f"$JS.ACK.{subjects.CLOUD_STREAM}.{subjects.CLOUD_WORKERS}.>", naks.append)

    async def handle(_: StreamMessage) -> None:
        raise ValueError("a bad message")

    await put(broker, b"a")
    async with run_tasks(worker=worker(broker, handle).run()):
        await until(lambda: len(naks) == 3)
    delays = [json.loads(nak.partition(b" ")[2])["delay"] / 1e9 for nak in naks]
    assert delays == [1, 2, 4]


async def test_active_messages_are_finished_before_it_stops(broker: NatsConnection, stream: None) -> None:
    begun, proceed = asyncio.Event(), asyncio.Event()
    done: list[bytes] = []

    async def handle(message: StreamMessage) -> None:
        begun.set()
        await proceed.wait()
        done.append(message.data)

    await put(broker, b"a")
    async with run_tasks(worker=worker(broker, handle).run()):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.5, proceed.set)
    assert done == [b"a"]
    await broker.client.flush()
    assert await acknowledged(broker)


async def test_it_goes_on_after_the_broker_was_killed(
    broker: NatsConnection, broker_process: BrokerProcess, stream: None
) -> None:
    done: list[bytes] = []

    async def handle(message: StreamMessage) -> None:
        done.append(message.data)

    async with run_tasks(worker=worker(broker, handle).run()):
        await put(broker, b"a")
        await until(lambda: done == [b"a"])
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        await put(broker, b"b")
        await until(lambda: b"b" in done)
