"""The newest prepared frames of a stream, so that most reconnects need no request to the broker."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

_REDACTED_MAX = 1024
"""How many redacted sequences are remembered: longer than any read of the stream takes."""


class Frame(NamedTuple):
    """A prepared frame, its sequence, the timestamp of its event (None: unknown), and its room, if any."""

    seq: int
    data: bytes
    timestamp: datetime | None = None
    room: str | None = None


class ReplayBuffer:
    """Frames by sequence; the oldest are evicted beyond ``max_count`` frames or ``max_bytes`` bytes."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._frames: deque[Frame] = deque()
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self.first_seq = 1
        """The buffer is complete from this sequence on."""
        self.restarts = 0
        """How often the buffer was cleared: frames read before that belong to another stream."""
        self._redacted: deque[int] = deque(maxlen=_REDACTED_MAX)

    @property
    def free_slots(self) -> int:
        """How many more frames fit before the oldest is evicted."""
        return self._max_count - len(self._frames)

    def restart(self, first_seq: int) -> None:
        """Clear the buffer; it will be complete from ``first_seq`` on."""
        self._frames.clear()
        self._redacted.clear()
        self._bytes = 0
        self.first_seq = first_seq
        self.restarts += 1

    def put(self, frame: Frame) -> None:
        """Append a frame, whose sequence must be above all earlier ones."""
        self._frames.append(frame)
        self._bytes += len(frame.data)
        while len(self._frames) > self._max_count or self._bytes > self._max_bytes:
            self.first_seq = self._pop_oldest().seq + 1

    def backfill(self, first_seq: int, frames: Sequence[Frame]) -> None:
        """Prepend ``frames``: all that exist from ``first_seq`` up to the buffer's first sequence, ascending.

        If they don't all fit, the oldest are left out; present frames are kept.
        """
        for frame in reversed(self.with_redactions(frames)):
            if len(self._frames) >= self._max_count or self._bytes + len(frame.data) > self._max_bytes:
                self.first_seq = frame.seq + 1
                return
            self._frames.appendleft(frame)
            self._bytes += len(frame.data)
        self.first_seq = first_seq

    def trim(self, first_seq: int) -> datetime | None:
        """Drop the frames below ``first_seq``: the stream no longer has them.

        Returns:
            The timestamp of the last dropped frame that was not redacted; None if there is none.
        """
        last: datetime | None = None
        while self._frames and self._frames[0].seq < first_seq:
            frame = self._pop_oldest()
            if frame.data:
                last = frame.timestamp
        self.first_seq = max(self.first_seq, first_seq)
        return last

    def timestamp_of(self, seq: int) -> datetime | None:
        """Return the timestamp of the event at ``seq``; None if it is not in the buffer."""
        place = bisect_left(self._frames, seq, key=lambda frame: frame.seq)
        found = self._frames[place] if place < len(self._frames) else None
        return found.timestamp if found is not None and found.seq == seq else None

    def redact(self, seq: int) -> None:
        """Empty the frame of ``seq``, now and in later backfills; its sequence stays in the buffer."""
        self._redacted.append(seq)
        for place, frame in enumerate(self._frames):
            if frame.seq == seq:
                self._frames[place] = frame._replace(data=b"")
                self._bytes -= len(frame.data)
                return

    def with_redactions(self, frames: Iterable[Frame]) -> list[Frame]:
        """Return ``frames``, with redacted ones empty: they may have been read before the removal."""
        if not self._redacted:
            return list(frames)
        return [frame._replace(data=b"") if frame.seq in self._redacted else frame for frame in frames]

    def after(self, seq: int) -> Iterator[Frame]:
        """Iterate over frames above ``seq`` (at least ``first_seq - 1``) in ascending order."""
        return (frame for frame in self._frames if frame.seq > seq)

    def _pop_oldest(self) -> Frame:
        frame = self._frames.popleft()
        self._bytes -= len(frame.data)
        return frame
