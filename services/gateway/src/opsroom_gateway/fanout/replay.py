"""Replay of missed events, joined to the live stream without gaps or duplicates."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from opsroom_gateway.fanout.replay_buffer import Frame, ReplayBuffer
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import Bounds, StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

CHUNK_BYTES = 128 * 1024
"""A send buffer holds at least two of these, so a client that reads is never too slow for its replay."""
_PAGE = 500
_CATCH_UP_SECONDS = 0.5
_BACKFILL_MAX = 2048
"""How many events to backfill when a client reconnects."""
_BACKFILL_STEP = 256
_WARM_UP_COUNT = 512
_LOOK_BACK = 16
"""How many sequences to read in front of an erased event; each further read takes eight times as many."""
_CLOCK_TOLERANCE = timedelta(seconds=5)
"""An event is stored up to that long after its timestamp, by another clock."""

log = logging.getLogger(__name__)

MayRead = Callable[[Frame], bool]


def _everything(frame: Frame) -> bool:  # noqa: ARG001 - the default of a filter
    return True


class Stream(Protocol):
    """A live stream with a buffer of its newest frames.

    ``head``, ``head_timestamp``: the sequence and timestamp of the last event (None: unknown). ``epoch``:
    the stream's epoch, if it has one.
    """

    buffer: ReplayBuffer

    @property
    def head(self) -> int: ...

    @property
    def head_timestamp(self) -> datetime | None: ...

    @property
    def epoch(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader left: the last sequence that it received.

    ``epoch``: the last epoch that it received. ``timestamp``: that of the event at ``seq``.
    """

    seq: int
    epoch: str | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplayChunk:
    """Frames to write now. ``last``: the client is then up to date with the live stream."""

    frames: bytes
    last: bool


class HistoryGapError(Exception):
    """The missed events can't be replayed.

    They have expired, never existed, are too many, or the stream is another one than the reader knows.
    """


class Replayer:
    """Replays what readers of one stream missed."""

    def __init__(
        self,
        stream: Stream,
        reader: StreamReader,
        subject: str,
        render: Callable[[StreamMessage], Frame],
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
        self._bounds_request: asyncio.Task[Bounds] | None = None

    def position(self) -> Cursor:
        """Return the position from which a reader that has everything resumes."""
        return Cursor(self._stream.head, self._stream.epoch, self._stream.head_timestamp)

    async def warm_up(self) -> None:
        """Fill the replay buffer before the first client connects: after a restart all reconnect at once."""
        try:
            await self._ensure_backfilled(max(0, self._stream.buffer.first_seq - 1 - _WARM_UP_COUNT))
        except UnavailableError as error:
            log.warning("the replay buffer is not warm; it is filled when clients reconnect: %s", error)

    async def replay_from(
        self, cursor: Cursor, limit: int | None, may_read: MayRead = _everything
    ) -> AsyncIterator[ReplayChunk]:
        """Yield everything after ``cursor``, in chunks of at most ``CHUNK_BYTES`` (or one frame).

        ``may_read``: which frames the reader gets; it is asked right before they are yielded.

        The last chunk comes from the replay buffer. A caller that writes it and subscribes without awaiting
        in between gets no gaps and no duplicates.

        Raises:
            HistoryGapError: the events can't be replayed, or are more than ``limit`` sequences.
            UnavailableError: the broker did not reply, or this process is behind the client.
        """
        stream, since, restarts = self._stream, cursor.seq, self._stream.buffer.restarts
        await self._check_head(since, limit)
        await self._check_same_stream(cursor)
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
                for chunk in _chunks(page, may_read):
                    yield ReplayChunk(chunk, last=False)
                since = page[-1].seq if page else stream.buffer.first_seq - 1
                continue
            if stream.buffer.restarts != restarts:
                raise HistoryGapError  # the stream was replaced meanwhile, and this reader got no reset
            since, frames, last = _first_chunk(stream.buffer.after(since), since, may_read)
            yield ReplayChunk(frames, last=last)
            if last:
                return

    async def _check_head(self, since: int, limit: int | None) -> None:
        """Check that ``since`` is not beyond the last event, and at most ``limit`` sequences before it."""
        stream = self._stream
        if since > stream.head:  # seen at another gateway that is slightly ahead
            await self._subscription.wait_for(since, _CATCH_UP_SECONDS)
        if since > stream.head and since <= (await self._reader.bounds()).last:
            raise UnavailableError("this gateway is behind what the client has seen on another one")
        if since > stream.head or (limit is not None and stream.head - since > limit):
            raise HistoryGapError

    async def _check_same_stream(self, cursor: Cursor) -> None:
        """Check that the stream is the one that the reader knows, and still has the reader's last event.

        A stream that was created again has another epoch. One that was restored from a backup may have the
        same epoch, but other events from the end of the backup on.

        Raises:
            HistoryGapError: it is not the same.
            UnavailableError: this process has not noticed yet that the stream was replaced or purged, or the
                broker did not reply.
        """
        if cursor.epoch is None and cursor.timestamp is None:
            return
        bounds, own = await self._current_bounds(), self._stream.epoch
        epoch = own if bounds is None or bounds.epoch is None else bounds.epoch
        if own is not None and own != epoch:
            raise UnavailableError("this gateway has not noticed the stream's new epoch yet")
        if cursor.epoch is not None and epoch is not None and cursor.epoch != epoch:
            raise HistoryGapError
        if cursor.timestamp is not None and cursor.seq:
            await self._check_event(cursor.seq, cursor.timestamp, bounds)

    async def _check_event(self, seq: int, timestamp: datetime, bounds: Bounds | None) -> None:
        stream = self._stream
        found = stream.head_timestamp if seq == stream.head else stream.buffer.timestamp_of(seq)
        if found == timestamp and bounds is not None and seq < bounds.first:
            raise UnavailableError("this gateway has not noticed yet that the stream was trimmed or purged")
        if found is not None:
            same = found == timestamp
        else:
            async with self._slots:
                same = await self._same_in_stream(seq, timestamp)
        if not same:
            raise HistoryGapError

    async def _same_in_stream(self, seq: int, timestamp: datetime) -> bool:
        """Whether the event at ``seq`` has this timestamp, or may have had it if it was erased since.

        Removed and edited texts are erased. What is left then are the events in front of it and behind it.
        """
        page = await self._reader.page(self._subject, start=seq, count=1)
        if page and page[0].seq == seq:
            return self._render(page[0]).timestamp == timestamp
        first = (await self._reader.bounds()).first
        if seq < first or (page and timestamp > page[0].at + _CLOCK_TOLERANCE):
            return False
        start, window = seq, _LOOK_BACK
        while start > first:
            end, start = start, max(first, start - window)
            before = [
                one
                for one in await self._reader.page(self._subject, start=start, count=end - start)
                if one.seq < end
            ]
            if before:
                return before[-1].at <= timestamp + _CLOCK_TOLERANCE
            window *= 8
        return True

    async def _current_bounds(self) -> Bounds | None:
        """Read the stream's bounds; concurrent calls share one request. None: the broker did not reply."""
        if self._bounds_request is None or self._bounds_request.done():
            self._bounds_request = asyncio.create_task(self._reader.bounds())
        try:
            return await asyncio.shield(self._bounds_request)
        except UnavailableError:
            return None

    async def _ensure_backfilled(self, since: int) -> bool:
        """Extend the replay buffer back to ``since`` unless that is too far. Returns whether it reaches back.

        After a restart the buffer is empty and all clients reconnect: they share one read of the stream.
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
                raise UnavailableError("a concurrent backfill failed: the broker did not reply")
            try:
                await self._backfill(since - since % _BACKFILL_STEP + 1)
            except UnavailableError:
                self._failed_backfills += 1
                raise
        return since >= buffer.first_seq - 1

    async def _backfill(self, start: int) -> None:
        """Read the stream from ``start``, or from its first message, up to the buffer's first sequence."""
        buffer = self._stream.buffer
        restarts, first_seq = buffer.restarts, buffer.first_seq
        start = max(start, (await self._reader.bounds()).first)
        frames: list[Frame] = []
        reached = start
        while reached < first_seq:
            page = await self._reader.page(self._subject, start=reached, count=_PAGE)
            frames += [self._render(stored) for stored in page if stored.seq < first_seq]
            reached = page[-1].seq + 1 if len(page) == _PAGE else first_seq
        if (buffer.restarts, buffer.first_seq) == (restarts, first_seq) and start < first_seq:
            buffer.backfill(start, frames)

    async def _check_retained(self, since: int) -> None:
        bounds: Bounds = await self._reader.bounds()
        # A replay from 0 asks for whatever is retained, so it can't miss anything.
        if since and since + 1 < bounds.first:
            raise HistoryGapError

    async def _page(self, since: int) -> list[Frame]:
        buffer = self._stream.buffer
        first_seq = buffer.first_seq
        page = await self._reader.page(self._subject, start=since + 1, count=_PAGE)
        return buffer.with_redactions(self._render(stored) for stored in page if stored.seq < first_seq)


def _first_chunk(frames: Iterable[Frame], since: int, may_read: MayRead) -> tuple[int, bytes, bool]:
    """Join the frames that fit into one chunk. Returns the last sequence, the bytes, and whether all fit."""
    chunk: list[bytes] = []
    size = 0
    for frame in frames:
        if not may_read(frame):
            since = frame.seq
            continue
        size += len(frame.data)
        if chunk and size > CHUNK_BYTES:
            return since, b"".join(chunk), False
        chunk.append(frame.data)
        since = frame.seq
    return since, b"".join(chunk), True


def _chunks(frames: list[Frame], may_read: MayRead) -> Iterator[bytes]:
    last = False
    since = 0
    while not last:
        since, chunk, last = _first_chunk((frame for frame in frames if frame.seq > since), since, may_read)
        yield chunk
