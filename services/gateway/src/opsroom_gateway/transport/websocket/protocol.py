"""WebSocket on one connection: handshake, messages, pings and closing.

Handshake, hello and closing go through the ASGI endpoint; broadcasts are written to each socket directly.
An endpoint that would only wait for messages registers a callback (``serve_callback``) and returns.
"""

import asyncio
import logging
import random
import struct
from asyncio.transports import BaseTransport, Transport
from typing import Any, cast

from starlette.types import Message
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.server import ServerProtocol

from opsroom_contracts.close_codes import Close, CloseCode
from opsroom_gateway.transport.addresses import client_address
from opsroom_gateway.transport.closing import close_after_writing
from opsroom_gateway.transport.connection import CLOSE_TIMEOUT_SECONDS
from opsroom_gateway.transport.encoding import ping_frame
from opsroom_gateway.transport.flow_control import READ_BYTES, FlowControl
from opsroom_gateway.transport.input_budget import InputAccount
from opsroom_gateway.transport.websocket.connection import Handler, WebSocketConfig, WebSocketConnection
from opsroom_gateway.transport.websocket.endpoint import ABNORMAL, Endpoint
from opsroom_gateway.transport.websocket.handshake import DEFLATE, Handshake, RawHeaders
from opsroom_gateway.transport.websocket.receiver import NO_STATUS, End, Receiver

_PIECE_BYTES = 1024
"""How much to parse at once. The smallest frames have six bytes, and each takes some microseconds."""

log = logging.getLogger("uvicorn.error")


class WebSocketProtocol(asyncio.BufferedProtocol):
    """One WebSocket, from its HTTP request on. uvicorn is given a subclass, which sets ``websocket_config``.

    Its ``connection`` is in the scope of the endpoint.
    """

    websocket_config: WebSocketConfig

    __slots__ = (
        "_app_state",
        "_close_timer",
        "_config",
        "_core",
        "_endpoint",
        "_expected_pong",
        "_incomplete",
        "_lost",
        "_opening",
        "_receiver",
        "_released",
        "_server_state",
        "close_sent",
        "connection",
        "flow",
        "transport",
    )

    transport: Transport
    flow: FlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._core = ServerProtocol(
            extensions=[DEFLATE] if self.websocket_config.deflate else [],
            max_size=config.ws_max_size,
            logger=log,
        )
        self._receiver: Receiver | None = Receiver(self._core)
        """Reads what the peer sends. None: nothing counts any more."""
        self._endpoint = Endpoint(self)
        self.connection: WebSocketConnection | None = None
        self.close_sent = False
        self._lost = False
        self._released = False
        self._opening = True
        """Whether the socket counts as a handshake: it may still have to replay missed messages."""
        self._close_timer: asyncio.TimerHandle | None = None
        self._expected_pong: bytes | None = None
        self._incomplete: int | None = None
        """The number of the message that was not complete at the last heartbeat."""

    # The transport's callbacks.

    def connection_made(self, transport: BaseTransport) -> None:
        """Count the socket."""
        self.transport = cast("Transport", transport)
        peer = client_address(transport)
        account = self.websocket_config.limits.account(peer[0] if peer else "")
        self.flow = FlowControl(self.transport, self._consume, _PIECE_BYTES, account, READ_BYTES)
        self._connections.add(self)
        self.websocket_config.stats.sockets += 1

    def connection_lost(self, _exc: Exception | None) -> None:
        """Let the endpoint handle what has arrived, and then the end.

        The file descriptor may be reused as soon as this returns.
        """
        self._lost = True
        self.websocket_config.stats.sockets -= 1
        self.end_opening()
        if self.connection is not None:
            self.connection.lost()
        self.websocket_config.pings.remove(self)
        self._connections.discard(self)
        self._cancel_close_timer()
        if not (self._endpoint.serving and self.flow.finish(self._end_input)):
            self._end_input()

    def eof_received(self) -> bool:
        """Keep the connection until what has arrived is handled. With TLS that is not possible."""
        plain = self.transport.get_extra_info("sslcontext") is None
        return plain and self._endpoint.serving and self.flow.finish(self.close)

    def pause_writing(self) -> None:
        """Later frames must wait behind the buffered bytes."""
        if self.connection is not None:
            self.connection.pause()
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Direct writes are possible again."""
        self.flow.resume_writing()
        if self.connection is not None:
            self.connection.resume()

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Where to read to."""
        return self.websocket_config.limits.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Process what was received as soon as the address has time for it."""
        self.flow.received(bytes(memoryview(self.websocket_config.limits.read_buffer)[:nbytes]))

    def _end_input(self) -> None:
        """Process nothing more that was received."""
        self._receiver = None
        self._endpoint.lost(NO_STATUS if self._endpoint.handshake is None else ABNORMAL)
        self.flow.close()
        if not self._released:
            self._released = True
            self.websocket_config.limits.budgets.release(self.flow.account)

    # Timers and the server.

    def on_heartbeat(self) -> None:
        """Send a ping and the heartbeat, or close the connection.

        It is closed if the peer is dead, or does not complete a message.
        """
        if self.connection is None or not self.connection.open:
            return
        if self.flow.reading_paused:
            # Its pong may be unread behind a message that is being handled.
            if self.connection.heartbeat is not None:
                self.connection.write(self.connection.heartbeat())
            return
        incomplete = None if self._receiver is None else self._receiver.incomplete
        if incomplete is not None and incomplete == self._incomplete:
            self.close_with(Close.INCOMPLETE.value)
            return
        self._incomplete = incomplete
        if self._expected_pong is not None:
            self.websocket_config.stats.dead_connections += 1
            self.close_with(Close.PING_TIMEOUT.value)
            self.transport.abort()
            return
        self._expected_pong = struct.pack("!I", random.getrandbits(32))
        beat = self.connection.heartbeat
        self.connection.write(ping_frame(self._expected_pong) + (b"" if beat is None else beat()))

    def shutdown(self) -> None:
        """Close as going away because the server stops, with a random reconnection delay in the reason."""
        self.websocket_config.pings.remove(self)
        if self._endpoint.handshake is not None:
            self._endpoint.fail_handshake()
            self.close()
        elif self.close_sent or self.connection is None:
            self.close()
        else:
            hint = random.uniform(0.0, self.websocket_config.retry_seconds)  # noqa: S311 - nothing secret
            self.close_with(Close.GOING_AWAY.value.with_retry(hint))

    # What the connection calls.

    def close_with(self, code: CloseCode) -> None:
        """Send a close frame at once, ahead of received messages, and end the endpoint."""
        if self.close_sent or self.closing:
            return
        if self.connection is not None:
            self.connection.stop_sending()
        self._endpoint.put_disconnect(code.code, code.reason)
        self._core.send_close(code.code, code.reason)
        self.flush()
        self.close_sent = True
        self.flow.resume_reading()
        loop = asyncio.get_running_loop()
        self._close_timer = loop.call_later(CLOSE_TIMEOUT_SECONDS, self.transport.abort)

    def serve_callback(self, handler: Handler) -> None:
        """Pass messages to ``handler`` from now on."""
        self._endpoint.serve_callback(handler)

    def charge_to(self, account: InputAccount) -> None:
        """Charge the socket's work to ``account`` from now on, and release it with the socket."""
        self.websocket_config.limits.budgets.release(self.flow.account)
        self.flow.account = account

    def endpoint_ended(self) -> None:
        """Process nothing more: nobody takes it."""
        if self._lost:
            self._end_input()

    # What the endpoint uses.

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The tasks that the server waits for when it stops."""
        return self._server_state.tasks

    @property
    def default_headers(self) -> RawHeaders:
        """The headers of every response."""
        return self._server_state.default_headers

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport.is_closing()

    def opened(self) -> None:
        """Send pings from now on: the handshake was accepted."""
        self.websocket_config.pings.add(self)

    def end_opening(self) -> None:
        """Stop counting as a handshake."""
        if self._opening:
            self._opening = False
            self.websocket_config.connection_budget.release()

    def send_data(self, message: Message) -> None:
        """Send a message of the endpoint.

        Raises:
            ConnectionError: the connection is closed.
        """
        try:
            if (data := message.get("bytes")) is not None:
                self._core.send_binary(data)
            elif (text := message.get("text")) is not None:
                self._core.send_text(text.encode())
        except InvalidState as error:
            raise ConnectionError from error
        self.flush()

    def flush(self) -> None:
        """Write what the sans-I/O protocol has queued."""
        self._write(self._core.data_to_send())

    def close_unless_waiting(self) -> None:
        """Close the connection, unless the peer may still reply to a close frame."""
        if self._close_timer is None:
            self.close()

    def close(self) -> None:
        """Close the connection after what was written."""
        self._cancel_close_timer()
        close_after_writing(self.transport)

    # What was received.

    def on_handshake(self, request: bytes) -> None:
        """Process the request of the handshake."""
        self._consume(memoryview(request))

    def _consume(self, data: memoryview) -> None:
        """Pass messages on to the endpoint, and reply to pings and to a close frame."""
        if self._receiver is None:
            return
        received = self._receiver.receive(bytes(data), close_sent=self.close_sent)
        if received.end is not None:
            self._receiver = None
            self._stop_sending(received.end)
        if not self._lost:
            self._write(received.output)
        for item in received.items:
            if isinstance(item, Request):
                self.on_request(item)
            elif isinstance(item, bytes):
                self._on_pong(item)
            else:
                self._endpoint.put(item)
        if received.end is not None:
            self._on_end(received.end)

    def on_request(self, request: Request) -> None:
        """Start the endpoint, with the connection in its scope."""
        handshake = Handshake(self._core, request)
        if not handshake.valid:
            handshake.refuse()
            self.flush()
            self.close()
            return
        self.connection = WebSocketConnection(self, self.websocket_config)
        self.connection.deflate = handshake.deflate
        scope = handshake.scope(self.transport, self._config, self._app_state, self.connection)
        self._endpoint.start(self._config.loaded_app, handshake, scope)

    def _on_pong(self, payload: bytes) -> None:
        if payload == self._expected_pong:
            self._expected_pong = None

    def _stop_sending(self, end: End) -> None:
        """Let nothing follow the close frame that ``end`` is answered with."""
        if self.connection is not None:
            self.connection.stop_sending()
            if end.received is not None and not self.close_sent:
                self.connection.closed_by_peer = True

    def _on_end(self, end: End) -> None:
        close = end.received or end.sent
        if close is not None and not (end.received is not None and self.close_sent):
            self._endpoint.put_disconnect(close.code, close.reason)
        if end.received is None:
            self.close_sent = True
        self.close()

    @property
    def _connections(self) -> set[Any]:
        return self._server_state.connections

    def _write(self, output: list[bytes]) -> None:
        if data := b"".join(output):
            self.transport.write(data)

    def _cancel_close_timer(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
