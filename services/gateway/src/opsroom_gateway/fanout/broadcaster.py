"""Fan-out: one prepared frame to very many readers."""

import asyncio
import os

from opsroom_gateway.transport.connection import NO_DESCRIPTOR, ClientConnection
from opsroom_gateway.transport.encoding import compress_frame

_FLUSH_BYTES = 128 * 1024
"""More than this is not joined: an outbox takes at least two of these."""


class SubscriberGroup:
    """Readers who are sent the same bytes.

    Their sockets' numbers lie side by side, so that a delivery touches nothing but a number. Whatever changes
    a number marks the list as ``dirty``, and it is made anew before the next write.
    """

    __slots__ = ("_buffering", "_by_descriptor", "_descriptors", "_readers", "dirty")

    def __init__(self) -> None:
        self._readers: dict[ClientConnection, None] = {}
        self._descriptors: list[int] = []
        self._by_descriptor: dict[int, ClientConnection] = {}
        self._buffering: list[ClientConnection] = []
        self.dirty = False

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, reader: ClientConnection) -> None:
        """Another reader."""
        self._readers[reader] = None
        self.dirty = True
        reader.watch(self)

    def remove(self, reader: ClientConnection) -> None:
        """A reader less, if it is one."""
        if reader in self._readers:
            del self._readers[reader]
            self.dirty = True
            reader.unwatch(self)

    def buffered_bytes(self) -> list[int]:
        """How many bytes each reader has not taken yet."""
        return [reader.buffered_bytes for reader in self._readers]

    def write(self, frames: bytes) -> None:
        """Write to everybody; those that are closed are forgotten. The first loop is all of a delivery."""
        if self.dirty:
            self._rebuild()
        write, size, incomplete = os.write, len(frames), []
        for descriptor in self._descriptors:
            try:
                sent = write(descriptor, frames)
            except OSError:  # full, or broken: the transport finds out which
                sent = 0
            if sent != size:
                incomplete.append((self._by_descriptor[descriptor], sent))
        for reader in self._buffering:
            incomplete.append((reader, 0))
        for reader, sent in incomplete:
            if not reader.write_buffered(frames, sent):
                self.remove(reader)

    def _rebuild(self) -> None:
        self._by_descriptor = {
            reader.write_descriptor: reader
            for reader in self._readers
            if reader.write_descriptor != NO_DESCRIPTOR
        }
        self._descriptors = list(self._by_descriptor)
        self._buffering = [reader for reader in self._readers if reader.write_descriptor == NO_DESCRIPTOR]
        self.dirty = False


class Broadcaster:
    """Writes frames to all its readers. Frames of one turn of the event loop leave in one write."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.bytes = 0
        self._plain = SubscriberGroup()
        self._compressed = SubscriberGroup()
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def __len__(self) -> int:
        return len(self._plain) + len(self._compressed)

    def subscribe(self, reader: ClientConnection) -> None:
        """Add a reader, who gets what is published from now on."""
        self._flush()
        (self._compressed if reader.deflate else self._plain).add(reader)

    def unsubscribe(self, reader: ClientConnection) -> None:
        """Forget a reader."""
        self._plain.remove(reader)
        self._compressed.remove(reader)

    def buffered_bytes(self) -> list[int]:
        """How many bytes each reader has not taken yet."""
        return [*self._plain.buffered_bytes(), *self._compressed.buffered_bytes()]

    def publish(self, frame: bytes) -> None:
        """Send ``frame`` to all readers at the end of this turn of the loop."""
        if not len(self):
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        if self._pending_bytes > _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        frames, self._pending = self._pending, []
        self._pending_bytes = 0
        self.deliveries += len(frames) * len(self)
        if len(self._plain):
            self._send(self._plain, frames)
        if len(self._compressed):
            self._send(self._compressed, [compress_frame(frame) for frame in frames])

    def _send(self, group: SubscriberGroup, frames: list[bytes]) -> None:
        joined = frames[0] if len(frames) == 1 else b"".join(frames)
        self.bytes += len(joined) * len(group)
        group.write(joined)
