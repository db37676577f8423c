"""The connection of a WebSocket, as endpoints and broadcasters use it."""

from asyncio.transports import Transport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.websockets import WebSocket

from opsroom_contracts.close_codes import Close, CloseCode
from opsroom_gateway.transport.connection import CONNECTION_EXTENSION, ClientConnection
from opsroom_gateway.transport.connection_limits import ConnectionBudget
from opsroom_gateway.transport.flow_control import FlowControl
from opsroom_gateway.transport.heartbeat import HeartbeatTimer
from opsroom_gateway.transport.http.address_limit import ConnectionLimits
from opsroom_gateway.transport.input_budget import InputAccount
from opsroom_gateway.transport.stats import TransportStats
from opsroom_gateway.transport.websocket.receive_queue import Event

Handler = Callable[[list[Event]], Awaitable[None]]
"""Handles all messages of a socket that are waiting, in their order; the last is ``websocket.disconnect``.

The messages that arrive meanwhile wait for the next call.
"""


def one_by_one(handle: Callable[[Event], Awaitable[None]]) -> Handler:
    """Return a handler that awaits ``handle`` for one message after another."""

    async def handle_all(events: list[Event]) -> None:
        for event in events:
            await handle(event)

    return handle_all


@dataclass(frozen=True, slots=True)
class WebSocketConfig:
    """What all sockets of a process share. ``retry_seconds``: reconnects after a stop are spread over it.

    ``deflate``: whether to send compressed frames to clients that offer permessage-deflate.
    """

    send_buffer_bytes: int
    stats: TransportStats
    pings: HeartbeatTimer
    connection_budget: ConnectionBudget
    limits: ConnectionLimits
    retry_seconds: float
    deflate: bool


class WebSocketControl(Protocol):
    """What a connection uses of its protocol. ``close_sent``: whether no frame may follow."""

    transport: Transport
    flow: FlowControl
    close_sent: bool

    def close_with(self, code: CloseCode) -> None:
        """Start the closing handshake."""

    def serve_callback(self, handler: Handler) -> None:
        """Pass messages to ``handler``."""

    def charge_to(self, account: InputAccount) -> None:
        """Charge the socket's work to ``account``."""


class WebSocketConnection(ClientConnection):
    """The connection of a WebSocket; what is written to it are complete frames."""

    __slots__ = ("_protocol", "closed_by_peer", "heartbeat")

    def __init__(self, protocol: WebSocketControl, config: WebSocketConfig) -> None:
        self._protocol = protocol
        super().__init__(protocol.transport, config.send_buffer_bytes, config.stats)
        self.closed_by_peer = False
        """Whether the peer started the closing handshake."""
        self.heartbeat: Callable[[], bytes] | None = None
        """Returns a frame that is sent with each ping, for clients that can't see pings."""

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        return not (self._protocol.close_sent or self.transport.is_closing())

    @property
    def ending(self) -> bool:
        """Whether the socket is closed or closing, by the peer too. What has arrived may still be handled."""
        return not self.open or self._protocol.flow.ended_by_peer

    def close_slow_consumer(self) -> None:
        """Close as too slow."""
        self.close(Close.TOO_SLOW.value)

    def close(self, code: CloseCode) -> None:
        """Close with ``code``; the endpoint gets a disconnect message, and the peer has 10 s to answer."""
        self._protocol.close_with(code)

    def charge_to(self, account: InputAccount) -> None:
        """Charge the work that the socket causes from now on to ``account``, which the socket releases."""
        self._protocol.charge_to(account)

    def serve_callback(self, handler: Handler) -> None:
        """Let the endpoint return; ``handler`` is then called with the messages."""
        self._protocol.serve_callback(handler)


def connection_of(websocket: WebSocket) -> WebSocketConnection:
    """Return the connection of an accepted socket."""
    connection: WebSocketConnection = websocket.scope["extensions"][CONNECTION_EXTENSION]
    return connection
