"""Follower against a real broker that is killed and comes back."""

import asyncio
import time
from collections.abc import Callable

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter, Write
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.runtime.process import running
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from tests.faults.cluster.proxy import Proxy


class Record:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.begun: list[bool] = []
        self.caught_up_at: list[int] = []

    def on_restart(self, *, fresh: bool) -> None:
        self.begun.append(fresh)

    def on_message(self, message: StreamMessage) -> None:
        self.seen.append(message.seq)
        if message.data == b"bad":
            raise ValueError("a sink that can't handle this")

    def on_synced(self) -> None:
        self.caught_up_at.append(len(self.seen))


async def fill(writer: BatchWriter, count: int, subject: Callable[[int], str] = "s.{}".format) -> None:
    await asyncio.gather(*(writer.write(Write(subject(n), b"")) for n in range(count)))


async def test_backlog_then_news_each_once_in_order(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run()):
        await fill(writer, 700)
        async with running(follower=follower.run()):
            await follower.ready(5)
            assert record.caught_up_at == [700]
            await fill(writer, 300)
            assert await follower.wait_for(1000, 5)
    assert record.seen == list(range(1, 1001))


async def test_state_begins_with_the_last_of_every_subject(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE), record)
    async with running(writer=writer.run()):
        await fill(writer, 10)
        await fill(writer, 10)
        async with running(follower=follower.run()):
            await follower.ready(5)
    assert record.seen == list(range(11, 21))


async def test_an_empty_stream_is_caught_up_at_once(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    record = Record()
    follower = StreamSubscription(
        broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), record
    )
    async with running(follower=follower.run()):
        await follower.ready(5)
    assert record.caught_up_at == [0]


async def test_nothing_missed_or_repeated_through_a_broker_kill(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run(), follower=follower.run()):
        await fill(writer, 50)
        assert await follower.wait_for(50, 5)
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        await fill(writer, 50)
        assert await follower.wait_for(100, 15)
    assert record.seen == list(range(1, 101))
    assert record.begun[0] is True
    assert set(record.begun[1:]) == {False}


async def test_what_was_followed_before_a_long_cut_is_deaf_after_it(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """The broker lives through the cut, and its consumer would go on if the old inbox were subscribed to."""
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    proxy = Proxy(int(broker_process.url.rpartition(":")[2]))
    await proxy.start()
    cut_off = await connect(f"nats://127.0.0.1:{proxy.port}", name="cut-off")
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(cut_off, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run(), follower=follower.run()):
        await follower.ready(5)
        await fill(writer, 10)
        assert await follower.wait_for(10, 5)
        await proxy.stop()
        await until(lambda: follower.restarts > 0, timeout=15)  # it was taken for silent while it was away
        proxy.heal()
        await proxy.start()
        await until(lambda: follower.live, timeout=15)
        for _ in range(20):
            await fill(writer, 10)
        assert await follower.wait_for(210, 10)
    assert record.seen == list(range(1, 211))
    await cut_off.close()
    await proxy.stop()


async def test_a_recreated_stream_begins_anew(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run(), follower=follower.run()):
        await fill(writer, 5)
        assert await follower.wait_for(5, 5)
        await broker.jetstream.delete_stream("S")
        await ensure_stream(broker, StreamSpec("S", ("s.>",)))
        await fill(writer, 2)
        await until(lambda: record.seen == [1, 2, 3, 4, 5, 1, 2])
    assert record.begun[-1] is True


async def test_a_message_that_the_sink_can_not_handle_does_not_end_the_stream(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run(), follower=follower.run()):
        await writer.write(Write("s.a", b"bad"))
        await writer.write(Write("s.b", b"good"))
        assert await follower.wait_for(2, 5)
    assert record.seen == [1, 2]


async def test_a_process_that_can_not_keep_up_notices_and_reads_what_it_dropped(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(
        broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record, pending_messages=30
    )
    async with running(writer=writer.run(), follower=follower.run()):
        await follower.ready(5)
        before = record.begun.copy()
        filling = asyncio.create_task(fill(writer, 120))
        while not filling.done():
            deadline = time.monotonic() + 0.03
            while time.monotonic() < deadline:
                pass  # a loop that is blocked, as by a listing of very many
            await asyncio.sleep(0)
        await filling
        assert await follower.wait_for(120, 20)
    assert record.seen == list(range(1, 121))
    assert broker.dropped > 0
    assert follower.gaps > 0
    assert record.begun[len(before) :]
    assert not any(record.begun[1:])


async def test_a_process_that_was_busy_does_not_take_the_broker_for_silent(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, record = BatchWriter(broker), Record()
    follower = StreamSubscription(broker, SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS), record)
    async with running(writer=writer.run(), follower=follower.run()):
        await follower.ready(5)
        time.sleep(4.5)  # noqa: ASYNC251 - the loop is deaf for longer than a silence may last
        await fill(writer, 1)
        assert await follower.wait_for(1, 5)
    assert record.begun == [True]
    assert follower.restarts == 0
