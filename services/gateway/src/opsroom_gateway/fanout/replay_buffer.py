"""The newest prepared frames of a stream, so that most reconnects need no request to the broker."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

_REDACTED_MAX = 1024
"""How many redacted sequences are remembered: longer than any read of the stream takes."""


class ReplayBuffer:
    """Frames by sequence; the oldest are evicted beyond ``max_count`` frames or ``max_bytes`` bytes."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
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

    def put(self, seq: int, frame: bytes) -> None:
        """Append the frame of ``seq``, which must be above all earlier sequences."""
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        while len(self._frames) > self._max_count or self._bytes > self._max_bytes:
            oldest, dropped = self._frames.popleft()
            self._bytes -= len(dropped)
            self.first_seq = oldest + 1

    def backfill(self, first_seq: int, frames: Sequence[tuple[int, bytes]]) -> None:
        """Prepend ``frames``: all that exist from ``first_seq`` up to the buffer's first sequence, ascending.

        If they don't all fit, the oldest are left out; present frames are kept.
        """
        for seq, frame in reversed(self.with_redactions(frames)):
            if len(self._frames) >= self._max_count or self._bytes + len(frame) > self._max_bytes:
                self.first_seq = seq + 1
                return
            self._frames.appendleft((seq, frame))
            self._bytes += len(frame)
        self.first_seq = first_seq

    def redact(self, seq: int) -> None:
        """Empty the frame of ``seq``, now and in later backfills; its sequence stays in the buffer."""
        self._redacted.append(seq)
        for place, (known, frame) in enumerate(self._frames):
            if known == seq:
                self._frames[place] = (seq, b"")
                self._bytes -= len(frame)
                return

    def with_redactions(self, frames: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Return ``frames``, with redacted ones empty: they may have been read before the removal."""
        if not self._redacted:
            return list(frames)
        return [(seq, b"" if seq in self._redacted else frame) for seq, frame in frames]

    def after(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """Iterate over frames above ``seq`` (at least ``first_seq - 1``) in ascending order."""
        return (entry for entry in self._frames if entry[0] > seq)
