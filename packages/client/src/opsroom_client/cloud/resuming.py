"""Logs and statistics that go on after a disconnect: each line once, and a gap is reported.

A line has no position, but the time at which it was written. After a disconnect the log is read again from
far enough back, and what was there before is left out.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from opsroom_client.backoff import Backoff
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnreachableError
from opsroom_client.event_stream import OnConnection
from opsroom_contracts.agents.protocol import TAIL_MAX, LogChunk, LogLine, StatsChunk, StreamChunk
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import StreamEnd

_KEPT_MAX: Final = 20_000
"""How many lines are compared; more than the past lines that a log begins with."""
_OVERLAP: Final = timedelta(seconds=5)
"""Lines of the two outputs of a server may be this much out of order in its log."""

_ChunkT = TypeVar("_ChunkT", bound=StreamChunk)


@dataclass(frozen=True, slots=True)
class LogGap:
    """Lines before the next ones may be missing: they were written while the connection was lost.

    ``reason``: why that can't be ruled out; a sentence in English.
    """

    reason: str


class SeenLines:
    """The last lines of a log that were shown, to leave them out if they come again."""

    def __init__(self) -> None:
        self._kept: deque[LogLine] = deque(maxlen=_KEPT_MAX)
        self._newest: datetime | None = None
        self._again: Counter[LogLine] = Counter()
        self._floor: datetime | None = None
        self._overlaps = False

    @property
    def newest(self) -> datetime | None:
        """The time of the newest line; None: no line with a time was shown."""
        return self._newest

    def resume(self) -> None:
        """From now on, the log is read again, from any line on."""
        self._overlaps = False
        if self._newest is None:
            return
        floor = self._newest - _OVERLAP
        if len(self._kept) == _KEPT_MAX:
            floor = max(floor, min(line.at for line in self._kept if line.at is not None))
        self._floor = floor
        self._again = Counter(line for line in self._kept if line.at is not None and line.at >= floor)

    @property
    def any(self) -> bool:
        """Whether a line was shown."""
        return bool(self._kept)

    def add(self, lines: tuple[LogLine, ...]) -> tuple[tuple[LogLine, ...], bool]:
        """Return those of ``lines`` that come after what was shown.

        And whether the log has had a line that was shown, since it was resumed.
        """
        new = tuple(line for line in lines if not self._is_old(line))
        for line in new:
            self._kept.append(line)
            if line.at is not None:
                self._newest = line.at if self._newest is None else max(self._newest, line.at)
        return new, self._overlaps

    def _is_old(self, line: LogLine) -> bool:
        """Whether a line was shown, or is older than all that were."""
        if self._floor is None or self._newest is None or line.at is None:
            return False
        if line.at < self._floor:
            return True
        if self._again[line] > 0:
            self._again[line] -= 1
            self._overlaps = True
            return True
        # Before the first line that was shown, the log has those from before its beginning.
        return not self._overlaps and line.at <= self._newest


async def resumed_log(
    open_log: Callable[[int], AbstractAsyncContextManager[AsyncIterator[LogChunk | StreamEnd]]],
    tail: int,
    on_connection: OnConnection | None,
) -> AsyncGenerator[LogChunk | LogGap | StreamEnd, None]:
    """Each line of a log once, through disconnects. ``open_log``: follows it after a number of past lines."""
    seen = SeenLines()
    checked = True

    def reopen(first: bool) -> AbstractAsyncContextManager[AsyncIterator[LogChunk | StreamEnd]]:
        nonlocal checked
        if first:
            return open_log(tail)
        seen.resume()
        checked = False
        if seen.any:  # lines without times can't be compared
            return open_log(TAIL_MAX if seen.newest is not None else 0)
        return open_log(tail)

    async for chunk in _through_disconnects(reopen, on_connection):
        if isinstance(chunk, StreamEnd):
            yield chunk
            continue
        lines, overlaps = seen.add(chunk.lines)
        if not checked and (overlaps or lines or chunk.skipped):
            checked = True
            if not overlaps:
                yield LogGap("lines that were written while the connection was lost may be missing")
        if lines or chunk.skipped:
            yield chunk.model_copy(update={"lines": lines})


async def resumed_stats(
    open_stats: Callable[[], AbstractAsyncContextManager[AsyncIterator[StatsChunk | StreamEnd]]],
    on_connection: OnConnection | None,
) -> AsyncGenerator[StatsChunk | StreamEnd, None]:
    """Each sample once, through disconnects: a stream begins with those of 15 minutes."""
    newest: datetime | None = None
    async for chunk in _through_disconnects(lambda _: open_stats(), on_connection):
        if isinstance(chunk, StreamEnd):
            yield chunk
            continue
        samples = tuple(one for one in chunk.samples if newest is None or one.at > newest)
        if samples:
            newest = samples[-1].at
            yield chunk.model_copy(update={"samples": samples})


async def _through_disconnects(
    reopen: Callable[[bool], AbstractAsyncContextManager[AsyncIterator[_ChunkT | StreamEnd]]],
    on_connection: OnConnection | None,
) -> AsyncGenerator[_ChunkT | StreamEnd, None]:
    """What a stream yields; opened again after each disconnect. ``reopen`` gets whether it is the first.

    Raises:
        OpsroomError: it can't be opened the first time, or later for a reason that will not pass.
    """
    backoff = Backoff()
    opened = lost = False
    while True:
        try:
            async with reopen(not opened) as chunks:
                async for chunk in chunks:
                    if lost and on_connection is not None:
                        on_connection(None)
                    opened, lost = True, False
                    backoff.reset()
                    yield chunk
                    if isinstance(chunk, StreamEnd):
                        return
        except OpsroomError as error:
            if not opened or not _may_pass(error):
                raise
            if not lost and on_connection is not None:
                on_connection(error)
            lost = True
            await asyncio.sleep(backoff.next(_minimum(error)))


def _may_pass(error: OpsroomError) -> bool:
    """Whether to try again: the server or its agent may come back."""
    if isinstance(error, RequestRejectedError):
        return error.retryable or error.code is ErrorCode.PROVIDER_AWAY
    return isinstance(error, UnreachableError)


def _minimum(error: OpsroomError) -> float:
    return (error.retry_after or 0.0) if isinstance(error, RequestRejectedError) else 0.0
