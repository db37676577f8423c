"""A broadcaster for frames that may come in floods, such as joins after a restart."""

import asyncio

from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import compress_frame

_SECONDS_PER_READER = 100e-6
"""A write to a socket takes the kernel some 10 µs. So writes take at most a tenth of the time."""
_MAX_SECONDS = 1.0


class PacedBroadcaster:
    """Writes frames to all its readers: at once after a pause, otherwise together with those that follow.

    Its ``interval`` grows with the number of readers. So a frame costs each reader a few bytes, and a write
    only as often as the process can afford for all of them.

    Attributes:
        readers: the broadcaster that it writes through.
    """

    def __init__(self) -> None:
        self.readers = Broadcaster()
        self._pending: list[bytes] = []
        self._new: dict[ClientConnection, int] = {}
        """Readers that came while frames were pending, and how many of these were not for them."""
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0

    def __len__(self) -> int:
        return len(self.readers) + len(self._new)

    @property
    def interval(self) -> float:
        """The least time between two writes, in seconds."""
        return min(len(self) * _SECONDS_PER_READER, _MAX_SECONDS)

    def subscribe(self, reader: ClientConnection) -> None:
        """Add a reader; it receives what is published from now on."""
        if self._pending:
            self._new[reader] = len(self._pending)
        else:
            self.readers.subscribe(reader)

    def unsubscribe(self, reader: ClientConnection) -> None:
        """Remove a reader."""
        self._new.pop(reader, None)
        self.readers.unsubscribe(reader)

    def publish(self, frame: bytes) -> None:
        """Send ``frame`` to all readers, after ``interval`` at the latest."""
        if not len(self):
            return
        self._pending.append(frame)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._flushed_at + self.interval), self._flush)

    def close(self) -> None:
        """Drop what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pending = []

    def _flush(self) -> None:
        self._timer = None
        self._flushed_at = asyncio.get_running_loop().time()
        frames, self._pending = self._pending, []
        new, self._new = self._new, {}
        for frame in frames:
            self.readers.publish(frame)
        for reader, start in new.items():
            self.readers.subscribe(reader)  # what was published before is not for it
            if missed := frames[start:]:
                reader.write(b"".join(map(compress_frame, missed) if reader.deflate else missed))
