"""WebSockets of clients that misbehave: aborted within a frame, not reading, or half-open."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from opsroom_testkit.websocket_client import WebSocketClient
from opsroom_testkit.websocket_frames import text_frame
from tests.faults.clients.http_client import CONNECT_SECONDS, Json, gateway_port

_OPCODE_CLOSE = 8


class ChatSocket(WebSocketClient):
    """A WebSocket. ``on_payload`` gets the payload of each frame; ``closed`` the close code (1006: none)."""

    def __init__(self, path: str, on_payload: Callable[[bytes], None]) -> None:
        super().__init__(path, on_payload)
        self._code = 1006
        self.gateway = 0
        """The port of the gateway, once it is open."""
        self.on_data: Callable[[], None] = _nothing
        """Called whenever something arrives, pings included."""
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Report that something arrived, then handle it."""
        self.on_data()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Set `closed`."""
        super().connection_lost(exc)
        if not self.opened.cancelled():
            self.opened.exception()  # marks it as retrieved
        if not self.closed.done():
            self.closed.set_result(self._code)

    def send_json(self, frame: Json) -> None:
        """Send a frame, unless the connection is closing."""
        self._write(text_frame(json.dumps(frame).encode()))

    def cut(self, frame: Json) -> None:
        """Send half a frame, then a TCP reset."""
        whole = text_frame(json.dumps(frame).encode())
        self._write(whole[: len(whole) // 2])
        self.abort(reset=True)

    def close(self) -> None:
        """Send a close frame."""
        self._write(b"\x88\x82\0\0\0\0" + struct.pack("!H", 1000))

    def abort(self, *, reset: bool = False) -> None:
        """Abort the connection; ``reset``: by a TCP reset."""
        if self._transport is None:
            return
        if reset:
            peer = self._transport.get_extra_info("socket")
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def pause(self) -> None:
        """Stop reading, so that pings stay unanswered and data piles up."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode != _OPCODE_CLOSE:
            super()._control(opcode, payload)
            return
        self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
        self._on_payload = _ignore
        if self._transport is not None:
            self._transport.close()


def _nothing() -> None:
    """Do nothing."""


def _ignore(_payload: bytes) -> None:
    """Ignore what comes after the close."""


async def open_socket(port: int, path: str, on_payload: Callable[[bytes], None]) -> ChatSocket:
    """Open a socket to ``path`` on this machine.

    Raises:
        OSError: refused, reset or (TimeoutError) no response.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: ChatSocket(path, on_payload), "127.0.0.1", port
        )
        try:
            await made.opened
            made.gateway = gateway_port(made.head, port)
        except BaseException:
            made.abort()
            raise
    return made
