"""Fan-out: one prepared frame to very many readers."""

import asyncio
from typing import Protocol


class Reader(Protocol):
    """Whoever takes prepared bytes without being waited for."""

    def write(self, frames: bytes) -> bool:
        """Take ``frames``; False if the reader is closed and must be forgotten."""


class Hub:
    """Writes frames to all its readers. Frames of one turn of the event loop leave in one write."""

    def __init__(self) -> None:
        self._readers: dict[Reader, None] = {}
        self._pending: list[bytes] = []

    def __len__(self) -> int:
        return len(self._readers)

    def attach(self, reader: Reader) -> None:
        """Add a reader, who gets what is published from now on."""
        self._flush()
        self._readers[reader] = None

    def detach(self, reader: Reader) -> None:
        """Forget a reader."""
        self._readers.pop(reader, None)

    def publish(self, frame: bytes) -> None:
        """Send ``frame`` to all readers at the end of this turn of the loop."""
        if not self._readers:
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(frame)

    def readers(self) -> list[Reader]:
        """Everybody who is attached."""
        return list(self._readers)

    def _flush(self) -> None:
        if not self._pending:
            return
        frames = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        closed = [reader for reader in self._readers if not reader.write(frames)]
        for reader in closed:
            self._readers.pop(reader, None)
