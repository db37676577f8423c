"""The newest prepared frames of a stream, so that most who return need not ask the broker."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

_REDACTED_MAX = 1024
"""So many sequences are remembered as dropped: longer than anybody takes to read the stream."""


class ReplayBuffer:
    """Frames by sequence, the oldest dropped past ``max_count`` frames or ``max_bytes`` bytes."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self.first_seq = 1
        """From this sequence on, the replay buffer holds all there is."""
        self.restarts = 0
        """How often it began anew: frames from before belong to another stream."""
        self._redacted: deque[int] = deque(maxlen=_REDACTED_MAX)

    @property
    def free_slots(self) -> int:
        """How many more frames it takes before it drops the oldest."""
        return self._max_count - len(self._frames)

    def restart(self, first_seq: int) -> None:
        """Forget everything; from ``first_seq`` on all will be put in."""
        self._frames.clear()
        self._redacted.clear()
        self._bytes = 0
        self.first_seq = first_seq
        self.restarts += 1

    def put(self, seq: int, frame: bytes) -> None:
        """Take in the frame of ``seq``, which is above all before."""
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        while len(self._frames) > self._max_count or self._bytes > self._max_bytes:
            oldest, dropped = self._frames.popleft()
            self._bytes -= len(dropped)
            self.first_seq = oldest + 1

    def backfill(self, first_seq: int, frames: Sequence[tuple[int, bytes]]) -> None:
        """Take in the past: ``frames``, ascending, are all there is from ``first_seq`` up to the present floor.

        The oldest are left out where there is no room; what the replay buffer had stays.
        """
        for seq, frame in reversed(self.with_redactions(frames)):
            if len(self._frames) >= self._max_count or self._bytes + len(frame) > self._max_bytes:
                self.first_seq = seq + 1
                return
            self._frames.appendleft((seq, frame))
            self._bytes += len(frame)
        self.first_seq = first_seq

    def redact(self, seq: int) -> None:
        """Forget the frame of ``seq``, and take it in no more: its place stays, empty."""
        self._redacted.append(seq)
        for place, (known, frame) in enumerate(self._frames):
            if known == seq:
                self._frames[place] = (seq, b"")
                self._bytes -= len(frame)
                return

    def with_redactions(self, frames: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The same, those emptied that were dropped, whatever the stream still held when it was read."""
        if not self._redacted:
            return list(frames)
        return [(seq, b"" if seq in self._redacted else frame) for seq, frame in frames]

    def after(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """The sequences above ``seq``, at least ``floor - 1``, with their frames, ascending."""
        return (entry for entry in self._frames if entry[0] > seq)
