"""Replays of missed events, and how many reads of the stream they cost."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from opsroom_gateway.fanout.replay import Cursor, HistoryGapError, Replayer
from opsroom_gateway.fanout.replay_buffer import Frame, ReplayBuffer
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks

BEFORE, SINCE = 60, 20


@dataclass
class NumberProjection:
    """A minimal projection whose frames are sequences."""

    buffer: ReplayBuffer = field(default_factory=lambda: ReplayBuffer(100, 10_000))
    head: int = 0
    head_timestamp: datetime | None = None
    epoch: str | None = None
    live: bool = False

    def on_restart(self, restart: Restart) -> None:
        self.live = self.live and not restart.reset
        self.epoch = restart.epoch

    def on_message(self, message: StreamMessage) -> None:
        self.head = message.seq
        if self.live:
            self.buffer.put(render(message))

    def on_synced(self) -> None:
        self.buffer.restart(self.head + 1)
        self.live = True

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        return False


class CountingReader(StreamReader):
    """A reader that counts its pages."""

    pages = 0

    async def page(self, subject: str, *, start: int, count: int) -> list[StreamMessage]:
        self.pages += 1
        return await super().page(subject, start=start, count=count)


def render(stored: StreamMessage) -> Frame:
    return Frame(stored.seq, f"{stored.seq} ".encode(), stored.at)


async def test_clients_that_reconnect_after_a_restart_share_one_read_of_the_stream(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, reader, projection = BatchWriter(broker), CountingReader(broker, "S"), NumberProjection()

    async def write(count: int) -> None:
        await asyncio.gather(*(writer.write(Write("s.1", b"")) for _ in range(count)))

    async def replayed(since: int) -> list[int]:
        chunks = [chunk.frames async for chunk in replayer.replay_from(Cursor(since), None)]
        return [int(number) for number in b"".join(chunks).split()]

    async with run_tasks(writer=writer.run()):
        await write(BEFORE)
        subscription = StreamSubscription(
            broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), projection
        )
        replayer = Replayer(projection, reader, "s.>", render, subscription)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            found = await asyncio.gather(*(replayed(SINCE + number % 5) for number in range(200)))
            for number, seen in enumerate(found):
                assert seen == list(range(SINCE + number % 5 + 1, BEFORE + 1))
            assert reader.pages == 1
            await write(5)
            assert await subscription.wait_for(BEFORE + 5, 5)
            assert await replayed(SINCE) == list(range(SINCE + 1, BEFORE + 6))
            assert await replayed(0) == list(range(1, BEFORE + 6))


async def test_replays_after_a_warm_up_need_no_further_read(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, reader, projection = BatchWriter(broker), CountingReader(broker, "S"), NumberProjection()
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(*(writer.write(Write("s.1", b"")) for _ in range(BEFORE)))
        subscription = StreamSubscription(
            broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), projection
        )
        replayer = Replayer(projection, reader, "s.>", render, subscription)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            await replayer.warm_up()
            assert reader.pages == 1
            chunks = [chunk.frames async for chunk in replayer.replay_from(Cursor(SINCE), None)]
            assert b"".join(chunks).split() == [b"%d" % seq for seq in range(SINCE + 1, BEFORE + 1)]
            assert reader.pages == 1


async def test_a_replay_ends_when_the_stream_is_replaced_meanwhile(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, reader, projection = BatchWriter(broker), CountingReader(broker, "S"), NumberProjection()
    projection.buffer = ReplayBuffer(10, 10_000)  # the rest is read from the stream
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(*(writer.write(Write("s.1", b"")) for _ in range(BEFORE)))
        subscription = StreamSubscription(
            broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), projection
        )
        replayer = Replayer(projection, reader, "s.>", render, subscription)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            chunks = replayer.replay_from(Cursor(SINCE), None)
            assert not (await anext(chunks)).last
            projection.buffer.restart(1)
            with pytest.raises(HistoryGapError):
                await anext(chunks)


@dataclass(frozen=True, slots=True)
class Erased:
    """A stream of ``BEFORE`` numbers, a few of which were erased, and a gateway without any in its buffer."""

    replayer: Replayer
    times: dict[int, datetime]
    """When each of them was stored, also those that were erased."""

    async def replayed(self, cursor: Cursor) -> list[int]:
        chunks = [chunk.frames async for chunk in self.replayer.replay_from(cursor, None)]
        return [int(number) for number in b"".join(chunks).split()]


@asynccontextmanager
async def erased(broker: NatsConnection, gone: Iterable[int]) -> AsyncIterator[Erased]:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer, reader, projection = BatchWriter(broker), StreamReader(broker, "S"), NumberProjection()
    async with run_tasks(writer=writer.run()):
        for _ in range(BEFORE):
            await writer.write(Write("s.1", b""))
        times = {stored.seq: stored.at for stored in await reader.page("s.>", start=1, count=BEFORE)}
        for seq in gone:
            assert await broker.jetstream.delete_msg("S", seq)
        subscription = StreamSubscription(
            broker, SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS), projection
        )
        replayer = Replayer(projection, reader, "s.>", render, subscription)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            yield Erased(replayer, times)


@pytest.mark.parametrize(
    "gone", [(SINCE,), (SINCE, SINCE + 1), range(SINCE - 3, SINCE + 4), range(2, SINCE + 1)]
)
async def test_a_client_resumes_from_a_message_that_was_erased_meanwhile(
    broker: NatsConnection, gone: Iterable[int]
) -> None:
    async with erased(broker, gone) as stream:
        missed = [seq for seq in range(SINCE + 1, BEFORE + 1) if seq not in gone]
        assert await stream.replayed(Cursor(SINCE, timestamp=stream.times[SINCE])) == missed


@pytest.mark.parametrize("minutes", [-1, 1])
async def test_a_client_of_another_stream_does_not_resume_from_a_message_that_was_erased(
    broker: NatsConnection, minutes: int
) -> None:
    """What it had last was stored before the message in front of it, or after the one behind it."""
    async with erased(broker, (SINCE,)) as stream:
        with pytest.raises(HistoryGapError):
            await stream.replayed(Cursor(SINCE, timestamp=stream.times[SINCE] + timedelta(minutes=minutes)))
