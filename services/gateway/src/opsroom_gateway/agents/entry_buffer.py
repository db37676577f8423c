"""The newest entries of a log or of statistics, for readers that are at different positions in it."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from opsroom_contracts.agents.protocol import WINDOW
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES

_MESSAGE_OVERHEAD: Final = 32 * 1024
"""What a message may need here in addition to its size."""
BUFFER_BYTES: Final = WINDOW * (MAX_PAYLOAD_BYTES + _MESSAGE_OVERHEAD)
"""Room for what an agent may send before the fastest reader has read it: this reader never loses anything."""
_CHUNK_BYTES: Final = 512
_OFFSET_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as JSON. ``at``: its time, if readers can begin at a time."""

    json: bytes
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The entries of one message, joined. ``start``: the position of the first one. ``offsets``: of each."""

    seq: int
    start: int
    json: bytes
    offsets: "array[int]"
    times: tuple[datetime | None, ...]

    @property
    def count(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        return len(self.json) + _OFFSET_BYTES * self.count + _CHUNK_BYTES


@dataclass(slots=True)
class Cursor:
    """Where a reader is: the number of a message, how many of its entries to leave out, and the position.

    Positions count entries from the beginning of the stream, with those that the agent left out.
    """

    number: int = 0
    offset: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a reader gets at once. ``seq``: of the message. ``skipped``: how many entries it has lost.

    ``json``: the entries, separated by commas.
    """

    seq: int
    skipped: int
    json: bytes

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.json and not self.skipped


class EntryBuffer:
    """Holds the newest entries, up to ``limit`` bytes, but at least those of the newest message.

    Readers share the memory: each has only a cursor. One that has fallen behind the oldest entry goes on
    there, and gets the number of entries that it has lost.
    """

    def __init__(self, limit: int = BUFFER_BYTES) -> None:
        self._limit = limit
        self._chunks: dict[int, _Chunk] = {}
        self._oldest = 0
        self._next = 0
        self._end = 0
        self.size = 0
        self.count = 0
        self.complete = True
        """Whether nothing has been dropped yet."""

    def put(self, seq: int, entries: Sequence[Entry], skipped: int = 0) -> None:
        """Append the entries of message ``seq``. ``skipped``: entries before them that the agent left out."""
        offsets, position = array("I"), 0
        for entry in entries:
            offsets.append(position)
            position += len(entry.json) + 1
        times = tuple(entry.at for entry in entries) if entries and entries[0].at is not None else ()
        joined = b",".join(entry.json for entry in entries)
        chunk = _Chunk(seq, self._end + skipped, joined, offsets, times)
        self._chunks[self._next] = chunk
        self._next += 1
        self._end = chunk.start + chunk.count
        self.count += chunk.count
        self.size += chunk.size
        while self.size > self._limit and self._oldest < self._next - 1:
            self._drop_oldest()

    def read(self, cursor: Cursor) -> Part | None:
        """Return what comes next for a reader, and move its cursor; None if it has everything."""
        if cursor.number < self._oldest:
            cursor.number, cursor.offset = self._oldest, 0
        chunk = self._chunks.get(cursor.number)
        if chunk is None:
            return None
        skipped = chunk.start + cursor.offset - cursor.position
        left_out = cursor.offset
        cursor.number, cursor.offset = cursor.number + 1, 0
        cursor.position = chunk.start + chunk.count
        return Part(chunk.seq, skipped, chunk.json[chunk.offsets[left_out] :] if left_out else chunk.json)

    def tail(self, count: int) -> Cursor:
        """Return a cursor before the last ``count`` entries, or before all if there are fewer."""
        left, number = count, self._next
        while left > 0 and number > self._oldest:
            number -= 1
            left -= self._chunks[number].count
        return self._cursor(number, max(0, -left))

    def since(self, moment: datetime) -> Cursor:
        """Return a cursor before the first entry that is not older than ``moment``."""
        for number in range(self._oldest, self._next):
            for offset, at in enumerate(self._chunks[number].times):
                if at is not None and at >= moment:
                    return self._cursor(number, offset)
        return self._cursor(self._next, 0)

    def _cursor(self, number: int, offset: int) -> Cursor:
        chunk = self._chunks.get(number)
        return Cursor(number, offset, self._end if chunk is None else chunk.start + offset)

    def _drop_oldest(self) -> None:
        dropped = self._chunks.pop(self._oldest)
        self._oldest += 1
        self.size -= dropped.size
        self.count -= dropped.count
        self.complete = False
