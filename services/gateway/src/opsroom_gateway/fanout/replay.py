"""Joining what was missed to what is live, without a gap and without a repeat."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_messaging.jetstream.stream_reader import Bounds, StreamMessage, StreamReader, UnavailableError
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

CHUNK_BYTES = 128 * 1024
"""An outbox takes at least two of these, so a reader that reads is never too slow for its own past."""
_PAGE = 500
_CATCH_UP_SECONDS = 0.5
_BACKFILL_MAX = 2048
"""So far back the replay buffer is filled from the stream for one who returns, and so for all who do."""
_BACKFILL_STEP = 256
_WARM_UP_COUNT = 512

log = logging.getLogger(__name__)

Frame = tuple[int, bytes]
"""A sequence and its prepared frame."""


class Stream(Protocol):
    """A live stream with a ring of its newest frames."""

    buffer: ReplayBuffer
    head: int


@dataclass(frozen=True, slots=True)
class ReplayChunk:
    """Frames to write now; after the last one (``last``) nothing is missing up to the live stream."""

    frames: bytes
    last: bool


class HistoryGapError(Exception):
    """What was missed can't be told: the stream holds it no longer, never held it, or it is too much."""


class Replayer:
    """Tells what one stream's readers missed."""

    def __init__(
        self,
        stream: Stream,
        reader: StreamReader,
        subject: str,
        render: Callable[[StreamMessage], bytes],
        subscription: StreamSubscription,
        *,
        max_concurrent: int = 32,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._subject = subject
        self._render = render
        self._subscription = subscription
        self._slots = asyncio.Semaphore(max_concurrent)
        self._backfill_lock = asyncio.Lock()
        self._failed_backfills = 0

    async def warm_up(self) -> None:
        """Fill the replay buffer before anybody connects: after a restart all clients return at once."""
        try:
            await self._ensure_backfilled(max(0, self._stream.buffer.first_seq - 1 - _WARM_UP_COUNT))
        except UnavailableError as error:
            log.warning("whoever comes back is told of the past when the broker answers: %s", error)

    async def replay_from(self, since: int, limit: int | None) -> AsyncIterator[ReplayChunk]:
        """Everything after ``since``, in parts of at most ``CHUNK_BYTES`` (or one frame).

        The last part comes from the replay buffer. A caller that writes it and subscribes without awaiting in
        between misses nothing and gets nothing twice.

        Raises:
            HistoryGapError: it can't be told, or would be more than ``limit`` sequences.
            UnavailableError: the broker did not answer, or this process has not seen as much as the reader.
        """
        stream = self._stream
        if since > stream.head:  # seen at another gateway, a moment ahead of this one
            await self._subscription.wait_for(since, _CATCH_UP_SECONDS)
        if since > stream.head and since <= (await self._reader.bounds()).last:
            raise UnavailableError("this gateway lags behind what the reader has seen elsewhere")
        if since > stream.head or (limit is not None and stream.head - since > limit):
            raise HistoryGapError
        checked = False
        while True:
            if not checked and await self._ensure_backfilled(since):
                checked = True
            if since < stream.buffer.first_seq - 1:
                async with self._slots:
                    if not checked:
                        await self._check_retained(since)
                        checked = True
                    page = await self._page(since)
                for chunk in _chunks(page):
                    yield ReplayChunk(chunk, last=False)
                since = page[-1][0] if page else stream.buffer.first_seq - 1
                continue
            since, frames, last = _first_chunk(stream.buffer.after(since), since)
            yield ReplayChunk(frames, last=last)
            if last:
                return

    async def _ensure_backfilled(self, since: int) -> bool:
        """Have the replay buffer reach back to ``since``, if that is not too far; whether it does.

        A process that has just started has an empty ring and all readers coming back to it: they read the
        stream once together, not each for itself.
        """
        buffer, failed = self._stream.buffer, self._failed_backfills
        if since >= buffer.first_seq - 1:
            return True
        if buffer.first_seq - since > min(_BACKFILL_MAX, buffer.free_slots):
            return False
        async with self._backfill_lock:
            if since >= buffer.first_seq - 1:
                return True
            if self._failed_backfills != failed:
                raise UnavailableError("the broker did not answer whoever asked first")
            try:
                await self._backfill(since - since % _BACKFILL_STEP + 1)
            except UnavailableError:
                self._failed_backfills += 1
                raise
        return since >= buffer.first_seq - 1

    async def _backfill(self, start: int) -> None:
        """Read the stream from ``start``, or from its first message, up to the replay buffer's floor."""
        buffer = self._stream.buffer
        restarts, first_seq = buffer.restarts, buffer.first_seq
        start = max(start, (await self._reader.bounds()).first)
        frames: list[Frame] = []
        reached = start
        while reached < first_seq:
            page = await self._reader.page(self._subject, start=reached, count=_PAGE)
            frames += [(stored.seq, self._render(stored)) for stored in page if stored.seq < first_seq]
            reached = page[-1].seq + 1 if len(page) == _PAGE else first_seq
        if (buffer.restarts, buffer.first_seq) == (restarts, first_seq) and start < first_seq:
            buffer.backfill(start, frames)

    async def _check_retained(self, since: int) -> None:
        bounds: Bounds = await self._reader.bounds()
        # Nobody who asks from the very beginning has anything to lose.
        if since and since + 1 < bounds.first:
            raise HistoryGapError

    async def _page(self, since: int) -> list[Frame]:
        buffer = self._stream.buffer
        first_seq = buffer.first_seq
        page = await self._reader.page(self._subject, start=since + 1, count=_PAGE)
        return buffer.with_redactions(
            (stored.seq, self._render(stored)) for stored in page if stored.seq < first_seq
        )


def _first_chunk(frames: Iterable[Frame], since: int) -> tuple[int, bytes, bool]:
    """As many frames as fit into one part: the last one's sequence, their bytes, and whether that was all."""
    chunk: list[bytes] = []
    size = 0
    for seq, frame in frames:
        size += len(frame)
        if chunk and size > CHUNK_BYTES:
            return since, b"".join(chunk), False
        chunk.append(frame)
        since = seq
    return since, b"".join(chunk), True


def _chunks(frames: list[Frame]) -> Iterator[bytes]:
    last = False
    since = 0
    while not last:
        since, chunk, last = _first_chunk((frame for frame in frames if frame[0] > since), since)
        yield chunk
