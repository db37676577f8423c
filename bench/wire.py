"""A WebSocket client that costs next to nothing, so that the load generator is not the limit."""

import asyncio
import base64
import os
from collections.abc import Callable

CONNECT_SECONDS = 30.0


class Reader(asyncio.Protocol):
    """One socket. ``on_frames`` is called with the bytes of whole frames, headers included, as they came."""

    def __init__(self, path: str, on_payload: Callable[[bytes], None]) -> None:
        self._path = path
        self._on_payload = on_payload
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(bytes(self._buffer[:100]).decode("latin-1")))
                return
            del self._buffer[: end + 4]
            self._open = True
            self.opened.set_result(None)
        self._cut()

    def send(self, payload: bytes) -> None:
        """Send a text frame, masked with zeros, which is as good as any mask for a measurement."""
        assert self._transport is not None
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
        self._transport.write(head + b"\0\0\0\0" + payload)

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _cut(self) -> None:
        buffer, start = self._buffer, 0
        while len(buffer) - start >= 2:
            size, head = buffer[start + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(buffer[start + 2 : start + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(buffer[start + 2 : start + 10], "big"), 10
            if len(buffer) - start < head + size:
                break
            opcode = buffer[start] & 0x0F
            if opcode == 0x9:
                self._pong(bytes(buffer[start + head : start + head + size]))
            elif opcode in {0x1, 0x2}:
                self._on_payload(bytes(buffer[start + head : start + head + size]))
            start += head + size
        if start:
            del buffer[:start]

    def _pong(self, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)


async def connect(port: int, path: str, on_payload: Callable[[bytes], None]) -> Reader:
    """A socket to ``path`` on this machine.

    Raises:
        ConnectionError: refused; TimeoutError: no answer in 30 s.
    """
    _, reader = await asyncio.get_running_loop().create_connection(
        lambda: Reader(path, on_payload), "127.0.0.1", port
    )
    await asyncio.wait_for(reader.opened, CONNECT_SECONDS)
    return reader
