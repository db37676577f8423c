"""Readers of server-sent events: a bounded outbox each, filled by a hub."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent

_SEND_SECONDS = 30.0


class SseReader:
    """Chunks for one reader; past ``limit`` bytes it is closed, to come back and resume by its last id."""

    def __init__(self, limit: int) -> None:
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._limit = limit
        self._wake = asyncio.Event()
        self._closed = False

    def write(self, frames: bytes) -> bool:
        """Take chunks; False if this reader is closed."""
        if self._closed:
            return False
        if self._waiting + len(frames) > self._limit:
            self.close()
            return False
        self._chunks.append(frames)
        self._waiting += len(frames)
        self._wake.set()
        return True

    def close(self) -> None:
        """End the stream once what waits is sent."""
        self._closed = True
        self._wake.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was written, joined where several chunks wait; ends when the reader is closed."""
        while True:
            if self._chunks:
                joined = b"".join(self._chunks)
                self._chunks.clear()
                self._waiting = 0
                yield joined
            elif self._closed:
                return
            else:
                self._wake.clear()
                await self._wake.wait()


class SseReaders:
    """All readers of the process, so that a stop can end their streams."""

    def __init__(self, limit: int, heartbeat: float) -> None:
        self._limit = limit
        self._heartbeat = heartbeat
        self._open: set[SseReader] = set()
        self._closing = False

    def new(self) -> SseReader:
        """A reader that is known here until ``forget``."""
        reader = SseReader(self._limit)
        self._open.add(reader)
        if self._closing:
            reader.close()
        return reader

    def forget(self, reader: SseReader) -> None:
        """The stream has ended."""
        self._open.discard(reader)

    def close(self) -> None:
        """End all streams; clients come back and resume."""
        self._closing = True
        for reader in self._open:
            reader.close()

    def response(self, stream: AsyncIterator[bytes]) -> EventSourceResponse:
        """The endless answer: headers at once, a comment as heartbeat when nothing else is said."""
        return EventSourceResponse(
            stream,
            sep="\n",
            ping=self._heartbeat,
            ping_message_factory=lambda: ServerSentEvent(comment="heartbeat", sep="\n"),
            send_timeout=_SEND_SECONDS,
        )
