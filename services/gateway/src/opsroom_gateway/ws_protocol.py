"""uvicorn's WebSocket protocol with an outlet for prepared frames.

The endpoint keeps handshake, receiving and closing the ASGI way; what goes out to many readers is
written by the hub straight to each transport: no encoding, no task and no await per reader.
"""

import asyncio
import os
import random
from asyncio.transports import BaseTransport
from typing import Any, Final

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from opsroom_contracts.close_codes import Close, CloseCode

EXTENSION: Final = "opsroom.outlet"
_CLOSE_SECONDS = 10.0
_DRAIN_SECONDS = 30.0
_NO_SOCKET = -1


class Outlet:
    """Where frames for one reader go. ``limit``: bytes that may wait before the reader is too slow."""

    __slots__ = ("_protocol", "_socket", "clean", "limit")

    def __init__(self, protocol: "OutletProtocol", limit: int) -> None:
        self._protocol = protocol
        self._socket = _NO_SOCKET
        self.limit = limit
        self.clean = False
        """Whether the peer ended the connection with a close frame."""

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        protocol = self._protocol
        return not (protocol.close_sent or protocol.transport.is_closing())

    def write(self, frames: bytes) -> bool:
        """Send prepared frames, or close the reader that has let too much wait; False if it is closed.

        While nothing waits they go straight to the socket, which costs less than the transport's way.
        """
        if self._socket != _NO_SOCKET and not self._protocol.close_sent:
            try:
                sent = os.write(self._socket, frames)
            except OSError:  # full, or broken: the transport finds out which
                sent = 0
            if sent == len(frames):
                return True
            frames = frames[sent:]
        if not self.open:
            return False
        transport = self._protocol.transport
        if transport.get_write_buffer_size() + len(frames) > self.limit:
            self.close(Close.TOO_SLOW.value)
            return False
        transport.write(frames)
        return True

    def go_direct(self, descriptor: int) -> None:
        """Nothing waits in the transport: write to its socket until told otherwise."""
        self._socket = descriptor

    def go_by_transport(self) -> None:
        """Something waits in the transport, or the socket is about to be closed and its number given away."""
        self._socket = _NO_SOCKET

    async def drained(self) -> bool:
        """Wait until the reader has taken all that waits; False if it is closed or takes too long."""
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
    outlet: "Outlet | None" = None

    def connection_made(self, transport: BaseTransport) -> None:
        """As uvicorn; we are told as soon as anything waits, and when nothing does any more."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn; the socket is closed after this, and its number may be another's at once."""
        if self.outlet is not None:
            self.outlet.go_by_transport()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """As uvicorn; what comes next must wait behind what waits."""
        if self.outlet is not None:
            self.outlet.go_by_transport()
        super().pause_writing()

    def resume_writing(self) -> None:
        """As uvicorn; the way to the socket is free again."""
        super().resume_writing()
        self._open_outlet()

    def schedule_ping(self) -> None:
        """As uvicorn, up to a fifth earlier, so that sockets opened together are not pinged together."""
        super().schedule_ping()
        if self.ping_timer is not None:
            self.ping_timer.cancel()
        delay = (self.ping_interval or 0.0) * random.uniform(0.8, 1.0)  # noqa: S311 - nothing secret
        self.ping_timer = self.loop.call_later(delay, self.send_keepalive_ping)

    def _open_outlet(self) -> None:
        transport = self.transport
        # Under TLS the transport encrypts; elsewhere than on POSIX a socket is no file descriptor.
        plain = os.name == "posix" and transport.get_extra_info("sslcontext") is None
        if self.outlet is not None and plain and not transport.is_closing():
            self.outlet.go_direct(transport.get_extra_info("socket").fileno())

    def handle_connect(self, event: Request) -> None:
        """As uvicorn, and put the outlet into the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.outlet = Outlet(self, self.outbox_bytes)
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self.outlet
            if not self.transport.get_write_buffer_size():
                self._open_outlet()

    def handle_close(self, event: Any) -> None:
        """As uvicorn, and remember that the peer said goodbye."""
        if not self.close_sent and self.outlet is not None:
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
