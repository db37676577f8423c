"""A minimal WebSocket client, cheap enough for a load generator."""

import asyncio
import base64
import os
from collections.abc import Callable

from opsroom_testkit.websocket_frames import PONG, ZERO_MASK, frame, text_frame, upgrade_request

CONNECT_SECONDS = 30.0


class WebSocketClient(asyncio.Protocol):
    """A WebSocket that answers pings. ``on_payload`` gets the payload of each text or binary frame."""

    def __init__(self, path: str, on_payload: Callable[[bytes], None]) -> None:
        self._path = path
        self._on_payload = on_payload
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._open = False
        self.head = b""
        """The response to the upgrade, without its blank line."""
        self.lost = False
        """Whether the connection is closed, by either side."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(upgrade_request(self._path, key=key))

    def data_received(self, data: bytes) -> None:
        """Split the data into frames, and keep the start of an incomplete one."""
        if self._rest:
            data = self._rest + data
        start = 0 if self._open else self._answered(data)
        self._rest = data[self._cut(data, start) :] if self._open else data

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail a pending upgrade, and set `lost`."""
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before the upgrade"))

    def send(self, payload: bytes) -> None:
        """Send a text frame."""
        assert self._transport is not None
        self._transport.write(text_frame(payload))

    def close(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _answered(self, data: bytes) -> int:
        """Parse the response to the upgrade. Returns the offset of the first frame."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        self.head = data[:end]
        if data.startswith(b"HTTP/1.1 101"):
            self._open = True
            self.opened.set_result(None)
        elif not self.opened.done():
            self.opened.set_exception(ConnectionError(data[:100].decode("latin-1")))
        return end + 4

    def _cut(self, data: bytes, start: int) -> int:
        """Pass on each complete frame. Returns the offset of the first incomplete one."""
        total = len(data)
        while total - start >= 2:
            size, head = data[start + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[start + 2 : start + 10], "big"), 10
            end = start + head + size
            if end > total:
                break
            opcode = data[start] & 0x0F
            if opcode in {0x1, 0x2}:
                self._on_payload(data[start + head : end])
            else:
                self._control(opcode, data[start + head : end])
            start = end
        return start

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == 0x9 and self._transport is not None:
            self._transport.write(frame(PONG, payload, mask=ZERO_MASK))


async def connect(port: int, path: str, on_payload: Callable[[bytes], None]) -> WebSocketClient:
    """Open a WebSocket to ``path`` on this machine.

    Raises:
        ConnectionError: refused; TimeoutError: no response in 30 s.
    """
    _, reader = await asyncio.get_running_loop().create_connection(
        lambda: WebSocketClient(path, on_payload), "127.0.0.1", port
    )
    await asyncio.wait_for(reader.opened, CONNECT_SECONDS)
    return reader
