"""StreamSubscription, against a real broker that is killed and restarted."""

import asyncio
import signal
import time

import pytest

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from packages.messaging.tests.kit.recorder import Recorder, fill
from tests.faults.cluster.proxy import Proxy


async def test_stored_and_new_messages_are_delivered_once_and_in_order(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder)
    async with run_tasks(writer=writer.run()):
        await fill(writer, 700)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            assert recorder.synced_at == [700]
            await fill(writer, 300)
            assert await subscription.wait_for(1000, 5)
    assert recorder.seen == list(range(1, 1001))


async def test_state_starts_with_the_last_message_of_each_subject(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE), recorder)
    async with run_tasks(writer=writer.run()):
        await fill(writer, 10)
        await fill(writer, 10)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
    assert recorder.seen == list(range(11, 21))


async def test_an_empty_stream_is_synced_at_once(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    recorder = Recorder()
    subscription = StreamSubscription(
        broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), recorder
    )
    async with run_tasks(subscription=subscription.run()):
        await subscription.ready(5)
    assert recorder.synced_at == [0]


async def test_no_message_is_lost_or_repeated_when_the_broker_is_killed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 50)
        assert await subscription.wait_for(50, 5)
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        await fill(writer, 50)
        assert await subscription.wait_for(100, 15)
    assert recorder.seen == list(range(1, 101))
    assert recorder.restarts[0] is True
    assert set(recorder.restarts[1:]) == {False}


async def test_an_old_consumer_does_not_deliver_after_a_long_disconnect(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """The broker keeps running, and the old consumer would go on if its inbox were subscribed again."""
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    proxy = Proxy(int(broker_process.url.rpartition(":")[2]))
    await proxy.start()
    disconnected = await connect(f"nats://127.0.0.1:{proxy.port}", name="disconnected")
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(
        disconnected, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder
    )
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        await fill(writer, 10)
        assert await subscription.wait_for(10, 5)
        await proxy.stop()
        await until(lambda: subscription.restarts > 0)  # no heartbeats, and no replies
        proxy.heal()
        await proxy.start()
        await until(lambda: subscription.live, timeout=15)
        for _ in range(20):
            await fill(writer, 10)
        assert await subscription.wait_for(210, 10)
    assert recorder.seen == list(range(1, 211))
    await disconnected.close()
    await proxy.stop()


async def test_a_recreated_stream_resets_the_handler(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 5)
        assert await subscription.wait_for(5, 5)
        await broker.jetstream.delete_stream("S")
        await ensure_stream(broker, StreamSpec("S", ("s.>",)))
        await fill(writer, 2)
        await until(lambda: recorder.seen == [1, 2, 3, 4, 5, 1, 2])
    assert recorder.restarts[-1] is True


async def test_an_exception_of_the_handler_does_not_end_the_subscription(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await writer.write(Write("s.a", b"bad"))
        await writer.write(Write("s.b", b"good"))
        assert await subscription.wait_for(2, 5)
    assert recorder.seen == [1, 2]


async def test_a_slow_process_detects_dropped_messages_and_reads_them_again(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(
        broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), recorder, pending_messages=30
    )
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        before = recorder.restarts.copy()
        filling = asyncio.create_task(fill(writer, 120))
        while not filling.done():
            deadline = time.monotonic() + 0.03
            while time.monotonic() < deadline:
                pass  # block the event loop, as a large listing does
            await asyncio.sleep(0)
        await filling
        assert await subscription.wait_for(120, 20)
    assert recorder.seen == list(range(1, 121))
    assert broker.dropped > 0
    assert subscription.gaps > 0
    assert recorder.restarts[len(before) :]
    assert not any(recorder.restarts[1:])


HEARTBEAT_SECONDS = 0.25
"""After four heartbeats without any message, a subscription would be restarted."""


def often_checked(broker: NatsConnection, recorder: Recorder) -> StreamSubscription:
    """Return a subscription to the stream ``S`` that notices soon that nothing arrives."""
    spec = SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS)
    return StreamSubscription(broker, spec, recorder, heartbeat_seconds=HEARTBEAT_SECONDS)


async def test_a_stalled_process_does_not_count_missed_heartbeats(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = often_checked(broker, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        time.sleep(6 * HEARTBEAT_SECONDS)  # noqa: ASYNC251 - block the loop
        await fill(writer, 1)
        assert await subscription.wait_for(1, 5)
    assert recorder.restarts == [True]
    assert subscription.restarts == 0


async def test_a_broker_that_stalls_is_no_silent_stream(
    broker: NatsConnection, broker_process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = often_checked(broker, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        broker_process.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(6 * HEARTBEAT_SECONDS)  # the stall itself is tested
        finally:
            broker_process.send(signal.SIGCONT)
        await fill(writer, 1)
        assert await subscription.wait_for(1, 5)
    assert subscription.restarts == 0
    assert "stream S" not in caplog.text


async def test_a_lost_consumer_is_noticed_and_reported(
    broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = often_checked(broker, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        (consumer,) = await broker.jetstream.consumers_info("S")
        await broker.jetstream.delete_consumer("S", consumer.name)
        await fill(writer, 1)
        assert await subscription.wait_for(1, 30)
    assert subscription.restarts == 1
    assert caplog.text.count("no heartbeat from stream S") == 1
