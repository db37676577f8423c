"""Splitting of what the engine sends: lines of a report, and the frames and lines of a log."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import datetime

from opsroom_contracts.agents.protocol import LINE_MAX, LogLine, LogSource

_REPORT_LINE_MAX = 1_000_000
_HEADER_BYTES = 8
_STDERR = 2
_TIME_BYTES = 40
_LINE_BYTES_MAX = 4 * LINE_MAX + 64
"""Enough for the longest line in UTF-8 and the time before it; the rest of a longer line is dropped."""


async def split_lines(data: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the lines of ``data``, without their ends; lines of a megabyte or more are dropped."""
    rest = b""
    async for chunk in data:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > _REPORT_LINE_MAX:
            rest = b""
    if rest.strip():
        yield rest


class LogParser:
    """Turns the bytes of a log, in any pieces, into lines. Holds one line of each source at most.

    ``tty``: the container has a terminal, so that the log has no frames and only one source. Each line begins
    with a time, because the request asked for that.
    """

    def __init__(self, *, tty: bool) -> None:
        self._tty = tty
        self._buffer = bytearray()
        self._left = 0
        self._source = LogSource.STDOUT
        self._lines: dict[LogSource, bytearray] = {source: bytearray() for source in LogSource}
        self._last_time = b""

    def feed(self, data: bytes) -> Iterator[LogLine]:
        """Yield the lines that end in ``data``."""
        if self._tty:
            yield from self._split(LogSource.STDOUT, data)
            return
        self._buffer += data
        while self._buffer:
            if not self._left:
                if len(self._buffer) < _HEADER_BYTES:
                    return
                self._source = LogSource.STDERR if self._buffer[0] == _STDERR else LogSource.STDOUT
                self._left = int.from_bytes(self._buffer[4:_HEADER_BYTES], "big")
                del self._buffer[:_HEADER_BYTES]
            part = bytes(self._buffer[: self._left])
            del self._buffer[: self._left]
            self._left -= len(part)
            yield from self._split(self._source, part)

    @property
    def resume_at(self) -> str | None:
        """The time just after the last line, as the engine takes it: seconds with nanoseconds."""
        return just_after(self._last_time)

    def end(self) -> Iterator[LogLine]:
        """Yield lines that the log has broken off."""
        for source, line in self._lines.items():
            if line:
                yield _line(source, bytes(line))
                line.clear()

    def _split(self, source: LogSource, data: bytes) -> Iterator[LogLine]:
        line = self._lines[source]
        *complete, rest = data.split(b"\n")
        for end in complete:
            line += end[: max(0, _LINE_BYTES_MAX - len(line))]
            self._last_time = max(self._last_time, bytes(line[:_TIME_BYTES]).partition(b" ")[0])
            yield _line(source, bytes(line))
            line.clear()
        line += rest[: max(0, _LINE_BYTES_MAX - len(line))]


def _line(source: LogSource, data: bytes) -> LogLine:
    time, _, text = data.removesuffix(b"\r").partition(b" ")
    at = _time(time)
    if at is None:
        text = data.removesuffix(b"\r")
    return LogLine(text=text.decode(errors="replace")[:LINE_MAX], at=at, source=source)


def _time(text: bytes) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def just_after(time: bytes) -> str | None:
    """Return the UNIX time one nanosecond after ``time``; None if it is no time of the engine."""
    moment = _time(time)
    fraction = re.search(rb"\.(\d{1,9})", time)
    if moment is None:
        return None
    nanoseconds = int(fraction[1].ljust(9, b"0")) if fraction else 0
    total = int(moment.replace(microsecond=0).timestamp()) * 10**9 + nanoseconds + 1
    return f"{total // 10**9}.{total % 10**9:09d}"
