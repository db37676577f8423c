"""The newest prepared frames of a stream, so that most who return need not ask the broker."""

from collections import deque
from collections.abc import Iterator


class Ring:
    """Frames by sequence, the oldest dropped past ``max_count`` frames or ``max_bytes`` bytes."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self.floor = 1
        """From this sequence on, the ring holds all there is."""

    def restart(self, floor: int) -> None:
        """Forget everything; from ``floor`` on all will be put in."""
        self._frames.clear()
        self._bytes = 0
        self.floor = floor

    def put(self, seq: int, frame: bytes) -> None:
        """Take in the frame of ``seq``, which is above all before."""
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        while len(self._frames) > self._max_count or self._bytes > self._max_bytes:
            oldest, dropped = self._frames.popleft()
            self._bytes -= len(dropped)
            self.floor = oldest + 1

    def after(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """The sequences above ``seq``, at least ``floor - 1``, with their frames, ascending."""
        return (entry for entry in self._frames if entry[0] > seq)
