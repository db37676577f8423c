"""uvicorn's WebSocket protocol with an outlet for prepared frames.

The endpoint keeps handshake, receiving and closing the ASGI way; what goes out to many readers is
written by the hub straight to each transport: no encoding, no task and no await per reader.
"""

import asyncio
from asyncio.transports import BaseTransport
from typing import Any, Final

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from opsroom_contracts.close_codes import Close, CloseCode

EXTENSION: Final = "opsroom.outlet"
_CLOSE_SECONDS = 10.0
_DRAIN_SECONDS = 30.0


class Outlet:
    """Where frames for one reader go. ``limit``: bytes that may wait before the reader is too slow."""

    __slots__ = ("_protocol", "clean", "limit")

    def __init__(self, protocol: "OutletProtocol", limit: int) -> None:
        self._protocol = protocol
        self.limit = limit
        self.clean = False
        """Whether the peer ended the connection with a close frame."""

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        protocol = self._protocol
        return not (protocol.close_sent or protocol.transport.is_closing())

    def write(self, frames: bytes) -> bool:
        """Send prepared frames, or close the reader that has let too much wait; False if it is closed."""
        if not self.open:
            return False
        transport = self._protocol.transport
        if transport.get_write_buffer_size() + len(frames) > self.limit:
            self.close(Close.TOO_SLOW.value)
            return False
        transport.write(frames)
        return True

    async def drained(self) -> bool:
        """Wait until the reader has taken most of what waits; False if it is closed or takes too long."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._protocol.writable.wait()
        except TimeoutError:
            self.close(Close.TOO_SLOW.value)
        return self.open

    def close(self, code: CloseCode) -> None:
        """Close with ``code``; the endpoint is told as by a disconnect, and the peer has 10 s to answer."""
        self._protocol.close_with(code)


class OutletProtocol(WebSocketsSansIOProtocol):
    """The protocol class given to uvicorn; every connection's scope holds its outlet."""

    outbox_bytes = 1024 * 1024

    def connection_made(self, transport: BaseTransport) -> None:
        """As uvicorn; whoever waits for the outlet to drain waits until half of it is free."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=self.outbox_bytes // 2)

    def handle_connect(self, event: Request) -> None:
        """As uvicorn, and put the outlet into the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.outlet = Outlet(self, self.outbox_bytes)
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self.outlet

    def handle_close(self, event: Any) -> None:
        """As uvicorn, and remember that the peer said goodbye."""
        if not self.close_sent:
            self.outlet.clean = True
        super().handle_close(event)

    def close_with(self, code: CloseCode) -> None:
        """Send a close frame now, whatever waits, and stop the endpoint."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code.code, "reason": code.reason})
        self.conn.send_close(code.code, code.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Tell the peer that the server goes away, where uvicorn would say "restarting" (1012)."""
        self.stop_keepalive()
        if self.handshake_complete and not self.close_sent:
            self.close_with(Close.GOING_AWAY.value)
        else:
            super().shutdown()


def outlet_of(websocket: WebSocket) -> Outlet:
    """The outlet of an accepted socket."""
    outlet: Outlet = websocket.scope["extensions"][EXTENSION]
    return outlet
