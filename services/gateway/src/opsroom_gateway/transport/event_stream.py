"""Server-sent events: a response that hands its connection over once its headers are sent."""

import asyncio
import random
import socket
import struct
import sys
from asyncio.transports import BaseTransport, Transport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.error_response import reject
from opsroom_gateway.middleware.head_requests import is_head_request
from opsroom_gateway.transport.connection import CLOSE_TIMEOUT_SECONDS, CONNECTION_EXTENSION, ClientConnection
from opsroom_gateway.transport.connection_limits import ConnectionBudget
from opsroom_gateway.transport.encoding import sse_comment, sse_end, sse_retry
from opsroom_gateway.transport.heartbeat import HeartbeatTimer
from opsroom_gateway.transport.stats import TransportStats

UPGRADE_EXTENSION: Final = "opsroom.streams"
"""The ASGI extension through which a response turns its connection into a stream."""
_IGNORED_BYTES = 64 * 1024
"""How much the client of a stream may send after its request."""
_HEARTBEAT = sse_comment("heartbeat")
_BUSY_RETRY_SECONDS = (1, 5)
_ACK_TOLERANCE_SECONDS = 0.5
"""Allowance for the round trip and for the coarse clock behind the kernel's ``tcp_info``."""
_TCP_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})
_LAST_ACK = struct.Struct("56xI")
"""Linux's ``tcp_info``: milliseconds since the last acknowledgement, at offset 56."""


class UpgradableConnection(Protocol):
    """A connection that can become a stream; it is in the scope of its requests."""

    connection_budget: ConnectionBudget

    def upgrade_to_stream(self) -> "EventStreamConnection | None":
        """Hand the connection, whose response has started, to a stream's protocol. None if it is closed."""


@dataclass(frozen=True, slots=True)
class SseConfig:
    """What all streams of a process share. ``retry_seconds``: reconnects after a stop are spread over it."""

    send_buffer_bytes: int
    stats: TransportStats
    heartbeats: HeartbeatTimer
    retry_seconds: float


class EventStreamConnection(ClientConnection):
    """The connection of a stream; what is written to it are complete HTTP chunks."""

    __slots__ = ()

    def close_slow_consumer(self) -> None:
        """End the stream; the client reconnects and resumes from its last event id."""
        self.end()

    def end(self, retry_seconds: float | None = None) -> None:
        """Complete the response, after which the client has 10 s to read the rest.

        ``retry_seconds``: when the client should reconnect.
        """
        if not self.open:
            return
        last = sse_end() if retry_seconds is None else sse_retry(retry_seconds) + sse_end()
        self.stop_sending()
        self.transport.write(last)
        self.transport.close()
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_SECONDS, self.abort)


class StreamProtocol(asyncio.Protocol):
    """The protocol of a connection that has become a stream. It ignores what comes, if it is little."""

    __slots__ = ("_config", "_connections", "_ignored_bytes", "_last_sent_at", "connection")

    def __init__(self, transport: Transport, config: SseConfig, connections: set[Any]) -> None:
        self._connections = connections
        self._config = config
        self._ignored_bytes = 0
        self._last_sent_at = asyncio.get_running_loop().time()
        self.connection = EventStreamConnection(transport, config.send_buffer_bytes, config.stats)
        connections.add(self)
        config.stats.streams += 1
        config.heartbeats.add(self)

    def connection_made(self, transport: BaseTransport) -> None:
        """Do nothing: the transport is already connected."""

    def pause_writing(self) -> None:
        """The transport has buffered bytes."""
        self.connection.pause()

    def resume_writing(self) -> None:
        """The transport's buffer is empty."""
        self.connection.resume()

    def data_received(self, data: bytes) -> None:
        """Abort the connection of a client that goes on sending: nothing of it will be served."""
        self._ignored_bytes += len(data)
        if self._ignored_bytes > _IGNORED_BYTES:
            self.connection.transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The connection is closed."""
        self._connections.discard(self)
        self._config.stats.streams -= 1
        self._config.heartbeats.remove(self)
        self.connection.lost()

    def on_heartbeat(self) -> None:
        """Send a comment, or close the stream if the peer has not acknowledged the last one.

        Measured against our last send, so that stalls of this process don't count against the peer.
        """
        now = asyncio.get_running_loop().time()
        if _seconds_since_ack(self.connection.transport) > now - self._last_sent_at + _ACK_TOLERANCE_SECONDS:
            self._config.stats.dead_connections += 1
            self.connection.transport.abort()
        else:
            self._last_sent_at = now
            self.connection.write(_HEARTBEAT)

    def shutdown(self) -> None:
        """End the stream because the server stops, with a random reconnection delay."""
        self.connection.end(random.uniform(0.0, self._config.retry_seconds))  # noqa: S311 - nothing secret


class EventStream(Response):
    """An endless response: it sends its headers at once, and then whatever is written to its connection.

    ``on_open`` is called with the connection after the headers are sent. It replays what the client missed
    and subscribes the connection, or ends it. The request is over when it returns; only the connection
    remains.
    """

    media_type = "text/event-stream"

    def __init__(self, on_open: Callable[[EventStreamConnection], Awaitable[None]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._on_open = on_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; return as soon as the stream no longer needs a task."""
        upgradable: UpgradableConnection = scope["extensions"][UPGRADE_EXTENSION]
        if not upgradable.connection_budget.acquire():
            await reject(scope, receive, send, _busy())
            return
        try:
            await self._serve(upgradable, scope, send)
        finally:
            upgradable.connection_budget.release()

    async def _serve(self, upgradable: UpgradableConnection, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if is_head_request(scope):
            await send({"type": "http.response.body", "body": b""})
            return
        connection = upgradable.upgrade_to_stream()
        if connection is None:
            return  # the peer is gone
        scope["extensions"][CONNECTION_EXTENSION] = connection
        try:
            await self._on_open(connection)
        except BaseException:
            connection.transport.abort()  # abort, so that the client does not take the response for complete
            raise


def _busy() -> Fault:
    message = "too many are connecting at this moment; try again"
    wait = float(random.randint(*_BUSY_RETRY_SECONDS))  # noqa: S311 - nothing secret
    return Fault(code=ErrorCode.OVERLOADED, message=message, retry_after=wait)


def _seconds_since_ack(transport: Transport) -> float:
    """Return the seconds since the peer's kernel last acknowledged anything; 0 if that is unknown."""
    option = getattr(socket, "TCP_INFO", None)
    sock = cast("socket.socket", transport.get_extra_info("socket"))
    if sys.platform != "linux" or option is None or sock.family not in _TCP_FAMILIES:
        return 0.0
    tcp_info = sock.getsockopt(socket.IPPROTO_TCP, option, _LAST_ACK.size)
    milliseconds: int = _LAST_ACK.unpack(tcp_info)[0]
    return milliseconds / 1000
