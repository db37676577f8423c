"""Joining what was missed to what is live, without a gap and without a repeat."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_messaging.jetstream.stream_reader import Bounds, StreamMessage, StreamReader, UnavailableError
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

PART_BYTES = 128 * 1024
"""An outbox takes at least two of these, so a reader that reads is never too slow for its own past."""
_PAGE = 500
_AHEAD_SECONDS = 0.5
_FILL_MAX = 2048
"""So far back the replay buffer is filled from the stream for one who returns, and so for all who do."""
_FILL_STEP = 256
_PREPARED = 512

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
        follower: StreamSubscription,
        *,
        at_once: int = 32,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._subject = subject
        self._render = render
        self._follower = follower
        self._slots = asyncio.Semaphore(at_once)
        self._filling = asyncio.Lock()
        self._fills_failed = 0

    async def warm_up(self) -> None:
        """Fill the replay buffer before anybody connects: after a restart all clients return at once."""
        try:
            await self._filled(max(0, self._stream.buffer.floor - 1 - _PREPARED))
        except UnavailableError as error:
            log.warning("whoever comes back is told of the past when the broker answers: %s", error)

    async def replay_from(self, since: int, limit: int | None) -> AsyncIterator[ReplayChunk]:
        """Everything after ``since``, in parts of at most ``PART_BYTES`` (or one frame).

        The last part comes from the replay buffer. A caller that writes it and subscribes without awaiting in
        between misses nothing and gets nothing twice.

        Raises:
            HistoryGapError: it can't be told, or would be more than ``limit`` sequences.
            UnavailableError: the broker did not answer, or this process has not seen as much as the reader.
        """
        stream = self._stream
        if since > stream.head:  # seen at another gateway, a moment ahead of this one
            await self._follower.wait_for(since, _AHEAD_SECONDS)
        if since > stream.head and since <= (await self._reader.bounds()).last:
            raise UnavailableError("this gateway lags behind what the reader has seen elsewhere")
        if since > stream.head or (limit is not None and stream.head - since > limit):
            raise HistoryGapError
        checked = False
        while True:
            if not checked and await self._filled(since):
                checked = True
            if since < stream.buffer.floor - 1:
                async with self._slots:
                    if not checked:
                        await self._check_held(since)
                        checked = True
                    page = await self._page(since)
                for part in _parts(page):
                    yield ReplayChunk(part, last=False)
                since = page[-1][0] if page else stream.buffer.floor - 1
                continue
            since, frames, last = _first_part(stream.buffer.after(since), since)
            yield ReplayChunk(frames, last=last)
            if last:
                return

    async def _filled(self, since: int) -> bool:
        """Have the replay buffer reach back to ``since``, if that is not too far; whether it does.

        A process that has just started has an empty ring and all readers coming back to it: they read the
        stream once together, not each for itself.
        """
        buffer, failed = self._stream.buffer, self._fills_failed
        if since >= buffer.floor - 1:
            return True
        if buffer.floor - since > min(_FILL_MAX, buffer.room):
            return False
        async with self._filling:
            if since >= buffer.floor - 1:
                return True
            if self._fills_failed != failed:
                raise UnavailableError("the broker did not answer whoever asked first")
            try:
                await self._fill(since - since % _FILL_STEP + 1)
            except UnavailableError:
                self._fills_failed += 1
                raise
        return since >= buffer.floor - 1

    async def _fill(self, start: int) -> None:
        """Read the stream from ``start``, or from its first message, up to the replay buffer's floor."""
        buffer = self._stream.buffer
        restarts, floor = buffer.restarts, buffer.floor
        start = max(start, (await self._reader.bounds()).first)
        frames: list[Frame] = []
        reached = start
        while reached < floor:
            page = await self._reader.page(self._subject, start=reached, count=_PAGE)
            frames += [(stored.seq, self._render(stored)) for stored in page if stored.seq < floor]
            reached = page[-1].seq + 1 if len(page) == _PAGE else floor
        if (buffer.restarts, buffer.floor) == (restarts, floor) and start < floor:
            buffer.fill(start, frames)

    async def _check_held(self, since: int) -> None:
        bounds: Bounds = await self._reader.bounds()
        # Nobody who asks from the very beginning has anything to lose.
        if since and since + 1 < bounds.first:
            raise HistoryGapError

    async def _page(self, since: int) -> list[Frame]:
        buffer = self._stream.buffer
        floor = buffer.floor
        page = await self._reader.page(self._subject, start=since + 1, count=_PAGE)
        return buffer.without_dropped(
            (stored.seq, self._render(stored)) for stored in page if stored.seq < floor
        )


def _first_part(frames: Iterable[Frame], since: int) -> tuple[int, bytes, bool]:
    """As many frames as fit into one part: the last one's sequence, their bytes, and whether that was all."""
    part: list[bytes] = []
    size = 0
    for seq, frame in frames:
        size += len(frame)
        if part and size > PART_BYTES:
            return since, b"".join(part), False
        part.append(frame)
        since = seq
    return since, b"".join(part), True


def _parts(frames: list[Frame]) -> Iterator[bytes]:
    last = False
    since = 0
    while not last:
        since, part, last = _first_part((frame for frame in frames if frame[0] > since), since)
        yield part
