"""HTTP/1.1 on one connection: limits, pipelining, flow control, and upgrades to other protocols."""

import asyncio
import logging
from asyncio.transports import BaseTransport, Transport
from collections import deque
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from opsroom_gateway.transport.addresses import client_address
from opsroom_gateway.transport.closing import close_after_writing
from opsroom_gateway.transport.connection_limits import ConnectionBudget
from opsroom_gateway.transport.event_stream import EventStreamConnection, SseConfig, StreamProtocol
from opsroom_gateway.transport.flow_control import FlowControl
from opsroom_gateway.transport.http.address_limit import AddressSlot, ConnectionLimits
from opsroom_gateway.transport.http.exchange import HttpExchange
from opsroom_gateway.transport.http.parser import PIECE_BYTES, Parsed, RequestParser
from opsroom_gateway.transport.http.request_head import RequestHead
from opsroom_gateway.transport.http.responses import (
    HEADERS_TOO_LARGE,
    REQUEST_TIMEOUT,
    TOO_MANY_CONNECTIONS,
    bad_request,
    unavailable,
)
from opsroom_gateway.transport.http.timers import RequestTimers
from opsroom_gateway.transport.input_budget import CONNECT_SECONDS, REQUEST_SECONDS, metered

_FULL_RETRY_SECONDS = (5, 15)
_BUSY_RETRY_SECONDS = (1, 5)
_UNREAD_BODY_BYTES = 65_536
"""From this many bytes on that the application has not taken, no more are read."""
_DROPPED_BODY_BYTES = 1024 * 1024
"""How much of a body is dropped after its response, so that the client reads the response. Beyond it the
connection is aborted."""
_INVALID = "Invalid HTTP request received."

log = logging.getLogger("uvicorn.error")


class HttpProtocol(asyncio.BufferedProtocol):
    """One HTTP connection. uvicorn is given a subclass, which sets the three attributes that all share.

    Requests of a connection are served one after another. While one is served, at most those of one piece
    are parsed (pipelining), and the rest of what was read waits.
    """

    limits: ConnectionLimits
    sse_config: SseConfig
    connection_budget: ConnectionBudget

    __slots__ = (
        "_app_state",
        "_config",
        "_dropped_bytes",
        "_exchange",
        "_parser",
        "_pipeline",
        "_receiving",
        "_server_state",
        "_slot",
        "_timers",
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
        self._slot = AddressSlot(self.limits)
        self._parser = RequestParser(self, self.limits.header_bytes)
        self._timers = RequestTimers(
            self.limits.header_seconds, self._on_header_timeout, config.timeout_keep_alive, self.close
        )
        self._exchange: HttpExchange | None = None
        """The exchange whose response is in progress."""
        self._receiving: HttpExchange | None = None
        """The exchange whose request is being received, until its response is complete."""
        self._dropped_bytes = 0
        """Of the request whose response is complete."""
        self._pipeline: deque[HttpExchange] = deque()

    # The transport's callbacks.

    def connection_made(self, transport: BaseTransport) -> None:
        """Check the connection limits and start the timer for the headers."""
        self.transport = cast("Transport", transport)
        client = client_address(transport)
        address = client[0] if client else ""
        account = self.limits.account(address)
        account.charge(CONNECT_SECONDS)
        self.flow = FlowControl(self.transport, self._consume, PIECE_BYTES, account)
        connections = self._connections
        connections.add(self)
        if not self.connection_budget.has_room(len(connections)):
            self._reject(unavailable(_FULL_RETRY_SECONDS))
            return
        if not self._slot.acquire(address):
            self._reject(TOO_MANY_CONNECTIONS)
            return
        self._timers.start_header()

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Where to read to."""
        return self.limits.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was received as soon as the address has time for it."""
        self.flow.received(bytes(memoryview(self.limits.read_buffer)[:nbytes]))

    def pause_writing(self) -> None:
        """Let the application wait: the peer does not read fast enough."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Let the application go on."""
        self.flow.resume_writing()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Notify the application, and free everything."""
        self._release()

    def shutdown(self) -> None:
        """Close the connection because the server stops, after a response in progress that needs no more time
        of the address."""
        if self._exchange is None or not self._exchange.started or self.flow.waiting:
            close_after_writing(self.transport)
        else:
            (self._pipeline[-1] if self._pipeline else self._exchange).keep_alive = False

    # What the parser calls.

    def on_begin(self) -> None:
        """Each request of the connection has its own time for the headers."""
        self._timers.cancel_idle()
        self._timers.start_header()

    def on_headers(self, head: RequestHead) -> None:
        """Serve a request, at once or after those before it."""
        self._timers.cancel_header()
        exchange = HttpExchange(
            self,
            head.scope(self.transport, self._config, self._app_state, self),
            self._server_state.default_headers,
            keep_alive=head.keep_alive,
            expects_continue=head.expects_continue,
        )
        self._receiving = exchange
        if self._exchange is None:
            self._serve(exchange)
        else:
            self.flow.pause_reading()
            self._pipeline.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body, and read no more if the application does not take it."""
        if self._receiving is None:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > _DROPPED_BODY_BYTES:
                self.transport.abort()
        elif self._receiving.add_body(body) > _UNREAD_BODY_BYTES:
            self.flow.pause_reading()

    def on_end(self) -> None:
        """A whole request has arrived."""
        if self._receiving is not None:
            self._receiving.complete_request()
            self._receiving = None

    # What an exchange calls.

    def write(self, data: bytes) -> None:
        """Send bytes. They are dropped if the connection is closing."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def resume_reading(self) -> None:
        """Read on, unless requests wait to be served."""
        if not self._pipeline:
            self.flow.resume_reading()

    def close(self) -> None:
        """Close after the bytes that were written."""
        close_after_writing(self.transport)

    def on_response_complete(self, exchange: HttpExchange) -> None:
        """Serve the next request, or wait for one."""
        if self._receiving is exchange:
            self._receiving = None  # the rest of its body is dropped
            self._dropped_bytes = 0
        self._exchange = None
        if self.transport.is_closing():
            return
        if self._pipeline:
            self._serve(self._pipeline.popleft())
        self.resume_reading()
        self._await_request()

    def _await_request(self) -> None:
        """Close the connection later, unless a request is in progress."""
        if self._exchange is None and not self._timers.awaits_headers and not self.transport.is_closing():
            self._timers.start_idle()

    def upgrade_to_stream(self) -> EventStreamConnection | None:
        """Hand the connection, whose response has started, to a protocol that only sends. None if closed.

        For the application the exchange is over: whatever it still sends is dropped, and its objects are
        freed.
        """
        transport = self.transport
        if transport.is_closing():
            self._end_exchanges()  # the loop reports the loss only later
            return None
        self._release()
        successor = StreamProtocol(transport, self.sse_config, self._connections)
        transport.set_protocol(successor)
        return successor.connection

    @property
    def _connections(self) -> set[Any]:
        return self._server_state.connections

    def _consume(self, piece: memoryview) -> None:
        """Parse a piece of what was received."""
        if self.transport.is_closing():
            return
        if self._exchange is None and not self._parser.in_request:
            self._timers.cancel_idle()
            self._timers.start_header()
        parsed = self._parser.parse(piece)
        if parsed is not Parsed.REQUESTS:
            self._end_parsing(parsed)

    def _end_parsing(self, parsed: Parsed) -> None:
        if parsed is Parsed.TOO_LARGE:
            self._reject(HEADERS_TOO_LARGE)
        elif parsed is Parsed.INVALID or self._exchange is not None:  # no upgrade before the last response
            log.warning(_INVALID)
            fault = self._parser.fault or _INVALID
            self._reject(bad_request(fault, self._server_state.default_headers))
        elif not self.connection_budget.acquire():  # the WebSocket protocol releases it
            self._reject(unavailable(_BUSY_RETRY_SECONDS))
        else:
            self._upgrade_to_websocket()

    def _serve(self, exchange: HttpExchange) -> None:
        """Serve ``exchange`` as soon as the address has time for it."""
        self._exchange = exchange
        self.flow.account.run(partial(self._start, exchange))

    def _start(self, exchange: HttpExchange) -> None:
        if self._exchange is not exchange:
            return  # the connection was closed meanwhile
        work = metered(exchange.run(self._config.loaded_app), self.flow.account, REQUEST_SECONDS)
        task = asyncio.get_running_loop().create_task(work)
        tasks = self._server_state.tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _upgrade_to_websocket(self) -> None:
        """Hand the connection to the WebSocket protocol, which counts it from here on."""
        websocket_class: Any = self._config.ws_protocol_class
        request, transport = self._parser.head.serialize(), self.transport
        self._release()
        successor = websocket_class(self._config, self._server_state, self._app_state)
        transport.set_protocol(successor)
        successor.connection_made(transport)
        successor.on_handshake(request)

    def _reject(self, response: bytes) -> None:
        """Close the connection with ``response``, or without one if another response has started."""
        if self.transport.is_closing():
            return
        if self._exchange is None or not self._exchange.response_started:
            self.transport.write(response)
        self._end_exchanges()
        self._timers.cancel()
        close_after_writing(self.transport)

    def _release(self) -> None:
        """Stop being the connection's protocol."""
        self._connections.discard(self)
        self._slot.release()
        self._timers.cancel()
        self._end_exchanges()
        self.flow.close()
        self.limits.budgets.release(self.flow.account)
        self._parser.close()

    def _end_exchanges(self) -> None:
        exchanges = [*self._pipeline] if self._exchange is None else [self._exchange, *self._pipeline]
        for exchange in exchanges:
            exchange.disconnect()
        self._exchange = self._receiving = None
        self._pipeline.clear()

    def _on_header_timeout(self) -> None:
        if self._exchange is None:
            self._reject(REQUEST_TIMEOUT)
        else:
            self._timers.start_header()  # reading may be paused until the response is complete
