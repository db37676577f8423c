"""Streams to the portal over a real broker: order, back-pressure, and bounded memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from opsroom_agent.streams import StreamHub
from opsroom_contracts.agents.protocol import LOG_CHUNK, LogChunk, LogLine, MoreRequest, StreamChunk
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, decode
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until

WINDOW = 4


def chunk(seq: int, lines: tuple[LogLine, ...], end: bool, reason: str | None) -> StreamChunk:
    return LogChunk(seq=seq, lines=lines, end=end, reason=reason)


class Source:
    """A log whose lines are numbered. ``count``: how many; ``taken``: how many were read."""

    def __init__(self, count: int, size: int = 0) -> None:
        self._count = count
        self._size = size
        self.taken = 0
        self.closed = False

    async def __call__(self) -> AsyncIterator[tuple[LogLine, ...]]:
        try:
            for number in range(self._count):
                self.taken = number + 1
                yield (LogLine(text=str(number) + " " * self._size),)
        finally:
            self.closed = True


class Viewer:
    """What a gateway does: receive the messages of a stream and acknowledge them."""

    def __init__(self, hub: StreamHub) -> None:
        self.hub = hub
        self.chunks: list[LogChunk] = []

    def receive(self, payload: bytes) -> None:
        self.chunks.append(decode(LOG_CHUNK, payload))

    @property
    def texts(self) -> list[str]:
        return [line.text.strip() for one in self.chunks for line in one.lines]

    async def acknowledge(self) -> bool:
        return (await self.hub.more(MoreRequest(stream="s", seq=len(self.chunks)))).open


@asynccontextmanager
async def viewing(broker: NatsConnection, idle: float = 30) -> AsyncIterator[Viewer]:
    hub = StreamHub(broker, "docker", window=WINDOW, idle=idle)
    viewer = Viewer(hub)
    await broker.subscribe("provider.docker.streams.s", viewer.receive)
    await broker.client.flush()
    try:
        yield viewer
    finally:
        await hub.close()


async def test_lines_arrive_in_order_and_the_stream_ends(broker: NatsConnection) -> None:
    async with viewing(broker) as viewer:
        source = Source(1000)
        await viewer.hub.begin("s", source, chunk)
        while not (viewer.chunks and viewer.chunks[-1].end):
            await viewer.acknowledge()
            await asyncio.sleep(0)
        assert viewer.texts == [str(number) for number in range(1000)]
        assert [one.seq for one in viewer.chunks] == list(range(1, 1002))
        assert viewer.chunks[-1].reason is None
        assert source.closed


async def test_without_acknowledgment_the_source_is_not_read(broker: NatsConnection) -> None:
    async with viewing(broker) as viewer:
        source = Source(1_000_000)
        await viewer.hub.begin("s", source, chunk)
        await until(lambda: len(viewer.chunks) == WINDOW)
        await broker.client.flush()
        assert source.taken == WINDOW + 1
        await viewer.acknowledge()
        await until(lambda: len(viewer.chunks) == 2 * WINDOW)
        await broker.client.flush()
        assert source.taken == 2 * WINDOW + 1


async def test_an_acknowledgment_of_what_was_not_sent_does_not_count(broker: NatsConnection) -> None:
    async with viewing(broker) as viewer:
        source = Source(1_000_000)
        await viewer.hub.begin("s", source, chunk)
        await until(lambda: len(viewer.chunks) == WINDOW)
        await viewer.hub.more(MoreRequest(stream="s", seq=10**6))
        await until(lambda: len(viewer.chunks) == 2 * WINDOW)
        await broker.client.flush()
        assert source.taken == 2 * WINDOW + 1


async def test_a_stream_that_nobody_acknowledges_ends(broker: NatsConnection) -> None:
    async with viewing(broker, idle=0.3) as viewer:
        source = Source(1_000_000)
        await viewer.hub.begin("s", source, chunk)
        await until(lambda: viewer.chunks and viewer.chunks[-1].end)
        assert "nobody has asked" in (viewer.chunks[-1].reason or "")
        assert source.closed
        assert viewer.hub.count == 0
        assert not await viewer.acknowledge()


async def test_a_stream_can_be_stopped(broker: NatsConnection) -> None:
    async with viewing(broker) as viewer:
        source = Source(1_000_000)
        await viewer.hub.begin("s", source, chunk)
        reply = await viewer.hub.more(MoreRequest(stream="s", seq=0, stop=True))
        assert not reply.open
        await until(lambda: source.closed)
        await until(lambda: viewer.hub.count == 0)


async def test_a_repeated_request_begins_nothing(broker: NatsConnection) -> None:
    async with viewing(broker) as viewer:
        first, second, third = Source(1_000_000), Source(1), Source(1)
        await viewer.hub.begin("s", first, chunk)
        await viewer.hub.begin("s", second, chunk)
        await viewer.hub.more(MoreRequest(stream="s", seq=0, stop=True))
        await until(lambda: viewer.hub.count == 0)
        await viewer.hub.begin("s", third, chunk)
        assert (second.taken, third.taken) == (0, 0)


async def test_large_lines_are_split_into_messages_that_fit(broker: NatsConnection) -> None:
    async def source() -> AsyncIterator[tuple[LogLine, ...]]:
        yield tuple(LogLine(text="\u0001" * 8192) for _ in range(200))

    async with viewing(broker) as viewer:
        await viewer.hub.begin("s", source, chunk)
        while not (viewer.chunks and viewer.chunks[-1].end):
            await viewer.acknowledge()
            await asyncio.sleep(0)
        assert len(viewer.texts) == 200
        assert len(viewer.chunks) >= 200 * 8192 * 6 / MAX_PAYLOAD_BYTES


async def test_an_error_at_the_beginning_is_the_reply(broker: NatsConnection) -> None:
    async def source() -> AsyncIterator[tuple[LogLine, ...]]:
        if viewer.hub.count:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, "no such server")
        yield ()

    async with viewing(broker) as viewer:
        with pytest.raises(FaultError, match="no such server"):
            await viewer.hub.begin("s", source, chunk)
        assert viewer.hub.count == 0


async def test_an_error_later_is_the_reason_of_the_last_message(broker: NatsConnection) -> None:
    async def source() -> AsyncIterator[tuple[LogLine, ...]]:
        yield (LogLine(text="one"),)
        raise refuse(ErrorCode.INSTANCE_NOT_FOUND, "it was removed")

    async with viewing(broker) as viewer:
        await viewer.hub.begin("s", source, chunk)
        await until(lambda: viewer.chunks and viewer.chunks[-1].end)
        assert viewer.texts == ["one"]
        assert viewer.chunks[-1].reason == "it was removed"


async def test_a_log_without_lines_begins_too(broker: NatsConnection) -> None:
    async def source() -> AsyncIterator[tuple[LogLine, ...]]:
        await asyncio.Event().wait()
        yield ()

    async with viewing(broker) as viewer:
        await viewer.hub.begin("s", source, chunk)
        assert viewer.hub.count == 1
        await viewer.hub.close()
        await until(lambda: viewer.chunks and viewer.chunks[-1].end)
