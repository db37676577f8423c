"""Fan-out: one prepared frame to very many readers."""

import asyncio
import os

from opsroom_gateway.outlet import NO_SOCKET, Outlet

_FLUSH_BYTES = 128 * 1024
"""More than this is not joined: an outbox takes at least two of these."""


class Hub:
    """Writes frames to all its readers. Frames of one turn of the event loop leave in one write."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.bytes = 0
        self._readers: dict[Outlet, None] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def __len__(self) -> int:
        return len(self._readers)

    def attach(self, reader: Outlet) -> None:
        """Add a reader, who gets what is published from now on."""
        self._flush()
        self._readers[reader] = None

    def detach(self, reader: Outlet) -> None:
        """Forget a reader."""
        self._readers.pop(reader, None)

    def publish(self, frame: bytes) -> None:
        """Send ``frame`` to all readers at the end of this turn of the loop."""
        if not self._readers:
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
        frames = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self.deliveries += len(self._pending) * len(self._readers)
        self.bytes += len(frames) * len(self._readers)
        self._pending.clear()
        self._pending_bytes = 0
        for reader in self._written(frames):
            self._readers.pop(reader, None)

    def _written(self, frames: bytes) -> list[Outlet]:
        """Write to everybody; answers those that are closed. This loop is all of a delivery."""
        write, size, closed = os.write, len(frames), []
        for reader in self._readers:
            sent = 0
            if reader.socket != NO_SOCKET:
                try:
                    sent = write(reader.socket, frames)
                except OSError:  # full, or broken: the transport finds out which
                    sent = 0
            if sent != size and not reader.write_rest(frames, sent):
                closed.append(reader)
        return closed
