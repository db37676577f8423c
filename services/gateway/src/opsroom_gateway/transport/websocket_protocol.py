"""uvicorn's WebSocket protocol with direct writes of prepared frames and sockets that need no task.

Handshake, hello and closing go through the ASGI endpoint; broadcasts are written to each socket directly.
An endpoint that would only wait for messages registers a callback (``serve_callback``) and returns.
"""

import random
import struct
from asyncio.transports import BaseTransport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from opsroom_contracts.close_codes import Close, CloseCode
from opsroom_gateway.transport.connection import CLOSE_TIMEOUT_SECONDS, CONNECTION_EXTENSION, ClientConnection
from opsroom_gateway.transport.connection_limits import ConnectionBudget
from opsroom_gateway.transport.encoding import DEFLATE_WINDOW_BITS, ping_frame
from opsroom_gateway.transport.heartbeat import HeartbeatTimer
from opsroom_gateway.transport.receive_queue import Event, ReceiveQueue
from opsroom_gateway.transport.stats import TransportStats

Handler = Callable[[Event], Awaitable[None]]
"""Handles the messages of a socket one by one; the last is ``websocket.disconnect``."""


@dataclass(frozen=True, slots=True)
class WebSocketConfig:
    """What all sockets of a process share. ``retry_seconds``: reconnects after a stop are spread over it.

    ``deflate``: whether to send compressed frames to clients that offer permessage-deflate.
    """

    send_buffer_bytes: int
    stats: TransportStats
    pings: HeartbeatTimer
    connection_budget: ConnectionBudget
    retry_seconds: float
    deflate: bool


_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,  # one compressed frame must serve every reader
    client_no_context_takeover=True,  # no decompression state per client between messages
    server_max_window_bits=DEFLATE_WINDOW_BITS,
)


class _LenientServerProtocol(ServerProtocol):
    """The library's protocol, but a close frame may arrive between fragments, as RFC 6455, 5.4 allows."""

    def recv_frame(self, frame: Frame) -> None:
        """Process one frame."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # drop the incomplete message
        super().recv_frame(frame)


class WebSocketConnection(ClientConnection):
    """The connection of a WebSocket; what is written to it are complete frames."""

    __slots__ = ("_protocol", "closed_by_peer")

    def __init__(self, protocol: "WebSocketProtocol", config: WebSocketConfig) -> None:
        self._protocol = protocol
        super().__init__(protocol.transport, config.send_buffer_bytes, config.stats)
        self.closed_by_peer = False
        """Whether the peer started the closing handshake."""

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        return not (self._protocol.close_sent or self.transport.is_closing())

    def close_slow_consumer(self) -> None:
        """Close as too slow."""
        self.close(Close.TOO_SLOW.value)

    def close(self, code: CloseCode) -> None:
        """Close with ``code``; the endpoint gets a disconnect message, and the peer has 10 s to answer."""
        self._protocol.close_with(code)

    def serve_callback(self, handler: Handler) -> None:
        """Let the endpoint return; ``handler`` is then called with each message."""
        self._protocol.serve_callback(handler)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A protocol whose ``scope`` holds the ``WebSocketConnection``. uvicorn is given a subclass."""

    websocket_config: WebSocketConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.receive_queue = ReceiveQueue()
        self.queue = self.receive_queue  # type: ignore[assignment]  # it has the methods that uvicorn calls
        self.connection: WebSocketConnection | None = None
        self.conn = _LenientServerProtocol(
            extensions=[_DEFLATE] if self.websocket_config.deflate else [],
            max_size=self.config.ws_max_size,
            logger=self.logger,
        )
        self._expected_pong: bytes | None = None
        self._handler: Handler | None = None
        self._dispatching = False
        self._handshaking = True

    def connection_made(self, transport: BaseTransport) -> None:
        """As in uvicorn; count the socket."""
        super().connection_made(transport)
        self.websocket_config.stats.sockets += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """As in uvicorn. The file descriptor may be reused as soon as this returns."""
        self.websocket_config.stats.sockets -= 1
        self._end_handshake()
        if self.connection is not None:
            self.connection.lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """As in uvicorn; later frames must wait behind the buffered bytes."""
        if self.connection is not None:
            self.connection.pause()
        super().pause_writing()

    def resume_writing(self) -> None:
        """As in uvicorn; direct writes are possible again."""
        super().resume_writing()
        if self.connection is not None:
            self.connection.resume()

    def handle_connect(self, event: Request) -> None:
        """As in uvicorn; put the connection into the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.connection = WebSocketConnection(self, self.websocket_config)
            # A client with a smaller window gets uncompressed frames, which are always valid.
            self.connection.deflate = any(
                isinstance(one, PerMessageDeflate) and one.local_max_window_bits == DEFLATE_WINDOW_BITS
                for one in self.conn.extensions
            )
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[CONNECTION_EXTENSION] = self.connection

    def handle_close(self, event: Frame) -> None:
        """As in uvicorn; remember that the peer started the closing handshake."""
        if self.connection is not None:
            self.connection.closed_by_peer = self.connection.closed_by_peer or not self.close_sent
            self.connection.stop_sending()
        super().handle_close(event)

    def send_receive_event_to_app(self) -> None:
        """As in uvicorn, but close with 1007 on invalid UTF-8 instead of raising: it is the peer's error."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        event: Event = {"type": "websocket.receive"}
        try:
            event[self.curr_msg_data_type] = data.decode() if self.curr_msg_data_type == "text" else data
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        self.queue.put_nowait(event)
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_parser_exception(self) -> None:
        """As in uvicorn; nothing may follow the close frame."""
        if self.connection is not None:
            self.connection.stop_sending()
        super().handle_parser_exception()

    def start_keepalive(self) -> None:
        """Ping by the timer that all sockets share, instead of uvicorn's two timers for each."""
        self.websocket_config.pings.add(self)

    def stop_keepalive(self) -> None:
        """Stop pinging."""
        self.websocket_config.pings.remove(self)

    def on_heartbeat(self) -> None:
        """Send a ping, or close the connection if the last one was not answered."""
        if self.connection is None or not self.connection.open:
            return
        if self.read_paused:
            return  # its pong may be unread behind a message that is being handled
        if self._expected_pong is not None:
            self.websocket_config.stats.silent_readers += 1
            self.close_with(Close.PING_TIMEOUT.value)
            self.transport.abort()
            return
        self._expected_pong = struct.pack("!I", random.getrandbits(32))
        self.connection.write(ping_frame(self._expected_pong))

    def handle_pong(self, event: Frame) -> None:
        """Accept the pong if it answers our ping."""
        if bytes(event.data) == self._expected_pong:
            self._expected_pong = None

    def serve_callback(self, handler: Handler) -> None:
        """Pass messages to ``handler`` from now on. Frees the objects of the handshake."""
        self._end_handshake()
        self._handler = handler
        self.scope = {}  # type: ignore[typeddict-item]
        del self.request, self.response
        self.receive_queue.on_item = self._dispatch_soon
        if not self.receive_queue.empty():
            self._dispatch_soon()

    async def run_asgi(self) -> None:
        """As in uvicorn, but a socket served by a callback outlives its endpoint."""
        try:
            await self.app(self.scope, self.receive, self.send)
            if not self.handshake_complete:
                self.logger.error("the endpoint neither accepted nor rejected a WebSocket")
                self.send_500_response()
        except ClientDisconnected:
            pass
        except Exception:  # boundary: an error in one socket's endpoint closes only that socket
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
            self.transport.close()
        finally:
            if self._handler is None and self.close_timer is None:
                self.transport.close()

    def close_with(self, code: CloseCode) -> None:
        """Send a close frame at once, ahead of received messages, and end the endpoint."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.connection is not None:
            self.connection.stop_sending()
        self.receive_queue.put_nowait(
            {"type": "websocket.disconnect", "code": code.code, "reason": code.reason}
        )
        self.conn.send_close(code.code, code.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Close as going away because the server stops, with a random reconnection delay in the reason."""
        self.stop_keepalive()
        if self.handshake_complete and not self.close_sent:
            hint = random.uniform(0.0, self.websocket_config.retry_seconds)  # noqa: S311 - nothing secret
            self.close_with(Close.GOING_AWAY.value.with_retry(hint))
        else:
            super().shutdown()

    def _end_handshake(self) -> None:
        if self._handshaking:
            self._handshaking = False
            self.websocket_config.connection_budget.release()

    def _dispatch_soon(self) -> None:
        if not self._dispatching:
            self._dispatching = True
            task = self.loop.create_task(self._dispatch_loop())
            task.add_done_callback(self.on_task_complete)
            self.tasks.add(task)

    async def _dispatch_loop(self) -> None:
        """Handle queued messages until none is left; the next message starts a new task."""
        try:
            while self._handler is not None and not self.receive_queue.empty():
                event = await self.receive()
                handler = self._handler
                if event["type"] == "websocket.disconnect":
                    self._handler = self.receive_queue.on_item = None
                await handler(event)
        except Exception:  # boundary: as in run_asgi
            self.logger.exception("the handler of a WebSocket message failed")
            self.transport.close()
        finally:
            self._dispatching = False
            if self._handler is not None and not self.receive_queue.empty():
                self._dispatch_soon()


def connection_of(websocket: WebSocket) -> WebSocketConnection:
    """Return the connection of an accepted socket."""
    connection: WebSocketConnection = websocket.scope["extensions"][CONNECTION_EXTENSION]
    return connection
