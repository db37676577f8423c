"""uvicorn's WebSocket protocol with a connection for prepared frames, and with sockets that need no task.

The endpoint keeps handshake, hello and closing the ASGI way; what goes out to many readers is written by the
hub straight to each socket. An endpoint that has nothing to do but wait *parks* its socket and returns.
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
"""Takes the messages of a parked socket one by one; the last is ``websocket.disconnect``."""


@dataclass(frozen=True, slots=True)
class WebSocketConfig:
    """What all sockets of a process share. ``retry_seconds``: over how long they come back after a stop.

    ``deflate``: whether a client that offers it may be sent compressed frames.
    """

    send_buffer_bytes: int
    stats: TransportStats
    pings: HeartbeatTimer
    connection_budget: ConnectionBudget
    retry_seconds: float
    deflate: bool


_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,  # so that one compressed frame serves every reader
    client_no_context_takeover=True,  # so that nothing is kept for each between its messages
    server_max_window_bits=DEFLATE_WINDOW_BITS,
)


class _LenientServerProtocol(ServerProtocol):
    """The library's rules, less one: a close is a control frame, so it may come between fragments (5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        """Take in one frame."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # the message that was begun comes to nothing
        super().recv_frame(frame)


class WebSocketConnection(ClientConnection):
    """The connection of a WebSocket; what it takes is whole frames."""

    __slots__ = ("_protocol", "clean")

    def __init__(self, protocol: "WebSocketProtocol", config: WebSocketConfig) -> None:
        self._protocol = protocol
        super().__init__(protocol.transport, config.send_buffer_bytes, config.stats)
        self.clean = False
        """Whether the peer ended the connection with a close frame."""

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        return not (self._protocol.close_sent or self.transport.is_closing())

    def close_slow_consumer(self) -> None:
        """Close as too slow."""
        self.close(Close.TOO_SLOW.value)

    def close(self, code: CloseCode) -> None:
        """Close with ``code``; the endpoint is told as by a disconnect, and the peer has 10 s to answer."""
        self._protocol.close_with(code)

    def serve_callback(self, handler: Handler) -> None:
        """Let the endpoint return: ``handler`` is called with each message, in a task that lives as long."""
        self._protocol.serve_callback(handler)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """The protocol class given to uvicorn by a subclass; every connection's scope holds its connection."""

    websocket_config: WebSocketConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.receive_queue = ReceiveQueue()
        self.queue = self.receive_queue  # type: ignore[assignment]  # it has what uvicorn uses of a queue
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
        """As uvicorn."""
        super().connection_made(transport)
        self.websocket_config.stats.sockets += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn; the socket is closed after this, and its number may be another's at once."""
        self.websocket_config.stats.sockets -= 1
        self._end_handshake()
        if self.connection is not None:
            self.connection.lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """As uvicorn; what comes next must wait behind what waits."""
        if self.connection is not None:
            self.connection.pause()
        super().pause_writing()

    def resume_writing(self) -> None:
        """As uvicorn; the way to the socket is free again."""
        super().resume_writing()
        if self.connection is not None:
            self.connection.resume()

    def handle_connect(self, event: Request) -> None:
        """As uvicorn, and put the connection into the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.connection = WebSocketConnection(self, self.websocket_config)
            # Who allows but a smaller window gets frames as they are, which is always right.
            self.connection.deflate = any(
                isinstance(one, PerMessageDeflate) and one.local_max_window_bits == DEFLATE_WINDOW_BITS
                for one in self.conn.extensions
            )
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[CONNECTION_EXTENSION] = self.connection

    def handle_close(self, event: Frame) -> None:
        """As uvicorn, and remember that the peer said goodbye."""
        if self.connection is not None:
            self.connection.clean = self.connection.clean or not self.close_sent
            self.connection.stop_sending()
        super().handle_close(event)

    def send_receive_event_to_app(self) -> None:
        """As uvicorn, but text that is no UTF-8 is the peer's fault: no error of ours, and no traceback."""
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
        """As uvicorn; nothing may follow the close frame."""
        if self.connection is not None:
            self.connection.stop_sending()
        super().handle_parser_exception()

    def start_keepalive(self) -> None:
        """Ping by the timer that all sockets share, where uvicorn has two for each."""
        self.websocket_config.pings.add(self)

    def stop_keepalive(self) -> None:
        """Ping no more."""
        self.websocket_config.pings.remove(self)

    def on_heartbeat(self) -> None:
        """Ping; or end a connection whose last ping is unanswered: there may be nobody at its other end."""
        if self.connection is None or not self.connection.open:
            return
        if self.read_paused:
            return  # what it answered may lie unread behind a message that is being handled
        if self._expected_pong is not None:
            self.websocket_config.stats.silent_readers += 1
            self.close_with(Close.PING_TIMEOUT.value)
            self.transport.abort()
            return
        self._expected_pong = struct.pack("!I", random.getrandbits(32))
        self.connection.write(ping_frame(self._expected_pong))

    def handle_pong(self, event: Frame) -> None:
        """The peer is there, if it is our ping that it answers."""
        if bytes(event.data) == self._expected_pong:
            self._expected_pong = None

    def serve_callback(self, handler: Handler) -> None:
        """Serve this socket by ``handler`` from now on. What the handshake needed is forgotten."""
        self._end_handshake()
        self._handler = handler
        self.scope = {}  # type: ignore[typeddict-item]
        del self.request, self.response
        self.receive_queue.on_item = self._dispatch_soon
        if not self.receive_queue.empty():
            self._dispatch_soon()

    async def run_asgi(self) -> None:
        """As uvicorn, but a parked socket outlives its endpoint."""
        try:
            await self.app(self.scope, self.receive, self.send)
            if not self.handshake_complete:
                self.logger.error("the endpoint neither accepted nor refused a WebSocket")
                self.send_500_response()
        except ClientDisconnected:
            pass
        except Exception:  # the boundary: what fails in one socket's endpoint ends that socket alone
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
            self.transport.close()
        finally:
            if self._handler is None and self.close_timer is None:
                self.transport.close()

    def close_with(self, code: CloseCode) -> None:
        """Send a close frame now, whatever waits, and stop the endpoint."""
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
        """Tell the peer that the server goes away, and when to come back."""
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
        """Handle what has come; ends when nothing is left, and a new task goes on with what comes then."""
        try:
            while self._handler is not None and not self.receive_queue.empty():
                event = await self.receive()
                handler = self._handler
                if event["type"] == "websocket.disconnect":
                    self._handler = self.receive_queue.on_item = None
                await handler(event)
        except Exception:  # the boundary: as in run_asgi
            self.logger.exception("a message of a WebSocket could not be handled")
            self.transport.close()
        finally:
            self._dispatching = False
            if self._handler is not None and not self.receive_queue.empty():
                self._dispatch_soon()


def connection_of(websocket: WebSocket) -> WebSocketConnection:
    """The connection of an accepted socket."""
    connection: WebSocketConnection = websocket.scope["extensions"][CONNECTION_EXTENSION]
    return connection
