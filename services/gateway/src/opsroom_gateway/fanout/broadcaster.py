"""Fan-out: writes one prepared frame to many readers."""

import asyncio
import os

from opsroom_gateway.transport.connection import NO_DESCRIPTOR, ClientConnection
from opsroom_gateway.transport.encoding import compress_frame

_FLUSH_BYTES = 128 * 1024
"""Pending frames above this size are sent at once; a send buffer holds at least two of these."""


class SubscriberGroup:
    """Readers that are sent the same bytes.

    File descriptors are kept in one list, so that a delivery touches only integers. A change of a descriptor
    sets ``dirty``, and the list is rebuilt before the next write.
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
        """Add a reader."""
        self._readers[reader] = None
        self.dirty = True
        reader.watch(self)

    def remove(self, reader: ClientConnection) -> None:
        """Remove a reader, if it is in the group. Nothing of it is kept until the next write."""
        if reader in self._readers:
            del self._readers[reader]
            self._descriptors, self._by_descriptor, self._buffering = [], {}, []
            self.dirty = True
            reader.unwatch(self)

    def buffered_bytes(self) -> list[int]:
        """Return the bytes that each reader has not taken yet."""
        return [reader.buffered_bytes for reader in self._readers]

    def write(self, frames: bytes) -> None:
        """Write to all readers and remove closed ones. The first loop is the hot path of a delivery."""
        if self.dirty:
            self._rebuild()
        write, size, incomplete = os.write, len(frames), []
        for descriptor in self._descriptors:
            try:
                sent = write(descriptor, frames)
            except OSError:  # full or broken: the transport will find out
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
    """Writes frames to all its readers, with one write for the frames of one event-loop iteration."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.written_bytes = 0
        self._plain = SubscriberGroup()
        self._compressed = SubscriberGroup()
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def __len__(self) -> int:
        return len(self._plain) + len(self._compressed)

    def subscribe(self, reader: ClientConnection) -> None:
        """Add a reader; it receives what is published from now on."""
        self.flush()
        (self._compressed if reader.deflate else self._plain).add(reader)

    def unsubscribe(self, reader: ClientConnection) -> None:
        """Remove a reader."""
        self._plain.remove(reader)
        self._compressed.remove(reader)

    def buffered_bytes(self) -> list[int]:
        """Return the bytes that each reader has not taken yet."""
        return [*self._plain.buffered_bytes(), *self._compressed.buffered_bytes()]

    def publish(self, frame: bytes) -> None:
        """Send ``frame`` to all readers at the end of this event-loop iteration."""
        if not len(self):
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        if self._pending_bytes > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is published."""
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
        self.written_bytes += len(joined) * len(group)
        group.write(joined)
