"""Joining what was missed to what is live, without a gap and without a repeat."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from opsroom_gateway.ring import Ring
from opsroom_messaging.stored import Bounds, Stored, StreamReader

_PAGE = 500


class Stream(Protocol):
    """A live stream with a ring of its newest frames."""

    ring: Ring
    head: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Frames to write now; after the last one (``last``) nothing is missing up to the live stream."""

    frames: bytes
    last: bool


class TooOldError(Exception):
    """What was missed can't be told: the stream holds it no longer, never held it, or it is too much."""


class CatchUp:
    """Tells what one stream's readers missed."""

    def __init__(
        self,
        stream: Stream,
        reader: StreamReader,
        subject: str,
        render: Callable[[Stored], bytes],
        *,
        at_once: int = 32,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._subject = subject
        self._render = render
        self._slots = asyncio.Semaphore(at_once)

    async def missed(self, since: int, limit: int | None) -> AsyncIterator[Missed]:
        """Everything after ``since``, in parts. The last part comes from the ring: whoever writes it and
        attaches to the hub without awaiting in between misses nothing and sees nothing twice.

        Raises:
            TooOldError: it can't be told, or would be more than ``limit`` sequences.
            UnavailableError: the broker did not answer.
        """
        stream = self._stream
        if since > stream.head or (limit is not None and stream.head - since > limit):
            raise TooOldError
        if since < stream.ring.floor - 1:
            async with self._slots:
                await self._check_held(since)
                async for page in self._stored(since):
                    since = max(since, page[-1].seq)
                    yield Missed(b"".join(map(self._render, page)), last=False)
            since = max(since, stream.ring.floor - 1)
        yield Missed(b"".join(stream.ring.after(since)), last=True)

    async def _check_held(self, since: int) -> None:
        bounds: Bounds = await self._reader.bounds()
        # Nobody who asks from the very beginning has anything to lose.
        if since and since + 1 < bounds.first:
            raise TooOldError

    async def _stored(self, since: int) -> AsyncIterator[list[Stored]]:
        while since < self._stream.ring.floor - 1:
            page = await self._reader.page(self._subject, start=since + 1, count=_PAGE)
            page = [stored for stored in page if stored.seq < self._stream.ring.floor]
            if not page:
                return
            since = page[-1].seq
            yield page
