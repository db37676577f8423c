"""The gateway's server and its fan-out without a portal behind it, and readers that see every byte."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from opsroom_gateway.app import Gateway
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.event_stream import EventStream, EventStreamConnection
from opsroom_gateway.transport.receive_queue import Event
from opsroom_gateway.transport.server import Server, listen, make_server
from opsroom_gateway.transport.stats import TransportStats
from opsroom_gateway.transport.websocket_protocol import connection_of
from opsroom_testkit.raw_connection import PATIENCE_SECONDS, RawConnection, open_raw
from opsroom_testkit.websocket_frames import upgrade_request

_USUAL: dict[str, object] = {"port": 0, "drain_seconds": 0.0, "ping_seconds": 60.0, "heartbeat_seconds": 60.0}
"""No test but those of pings and heartbeats is to see any."""


@dataclass(slots=True)
class Fanout:
    """``sockets`` and ``streams``: hubs of those at ``/ws`` and ``/sse``. Those at ``/quiet`` get nothing.

    ``numbers``: the descriptors that readers at each path had. ``heard``: what came from sockets.
    """

    port: int
    server: Server
    stats: TransportStats
    sockets: Broadcaster = field(default_factory=Broadcaster)
    streams: Broadcaster = field(default_factory=Broadcaster)
    numbers: dict[str, set[int]] = field(
        default_factory=lambda: {"/ws": set(), "/sse": set(), "/quiet": set()}
    )
    heard: list[Event] = field(default_factory=list)
    joining: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> Starlette:
        """Readers are not taken off their hub when they are gone: a hub must find out by itself."""
        routes = [
            WebSocketRoute("/ws", self._socket),
            WebSocketRoute("/quiet", self._quiet),
            WebSocketRoute("/joining", self._join),
            Route("/sse", self._events),
        ]
        return Starlette(routes=routes)

    async def _socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        connection = connection_of(websocket)
        self._note("/ws", connection)
        self.sockets.subscribe(connection)
        connection.serve_callback(self._hear)

    async def _quiet(self, websocket: WebSocket) -> None:
        await websocket.accept()
        connection = connection_of(websocket)
        self._note("/quiet", connection)
        connection.serve_callback(self._hear)

    async def _join(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await self.joining.wait()

    async def _events(self, _request: object) -> EventStream:
        return EventStream(self._begin)

    async def _begin(self, connection: EventStreamConnection) -> None:
        self._note("/sse", connection)
        self.streams.subscribe(connection)

    async def _hear(self, event: Event) -> None:
        self.heard.append(event)
        await asyncio.sleep(0)  # another message could now come in between, if it were let
        self.heard.append("handled")

    def _note(self, path: str, connection: ClientConnection) -> None:
        self.numbers[path].add(connection.socket)


@asynccontextmanager
async def fanout(send_buffer: int = 0, **changed: object) -> AsyncIterator[Fanout]:
    """Serve; ``send_buffer``: bytes that the system keeps for each connection, as few as it allows."""
    settings = GatewaySettings.model_validate(_USUAL | changed)
    listener = listen(settings)
    if send_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # inherited by what it accepts
    stats = TransportStats()

    async def app(scope: object, receive: object, send: object) -> None:
        await application(scope, receive, send)  # type: ignore[arg-type]

    at_work = Gateway(app, stats, asyncio.Event(), live=lambda: True, shorten_timeouts=lambda _: None)  # type: ignore[arg-type]
    server = make_server(at_work, settings)
    served = Fanout(listener.getsockname()[1], server, stats)
    application = served.application()
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield served
    finally:
        served.joining.set()
        server.stop()
        await serving


def request_for(path: str) -> bytes:
    """Build the request that opens a socket, or at ``/sse`` a stream."""
    return b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n" if path == "/sse" else upgrade_request(path)


async def raw_reader(port: int, path: str, receive_buffer: int = 0) -> RawConnection:
    """Open a socket (or, at ``/sse``, a stream) and read the headers of the response."""
    return await open_raw(port, request_for(path), receive_buffer)


async def let_in(port: int, path: str) -> RawConnection:
    """Open one as soon as there is room."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (reader := await raw_reader(port, path)).head.startswith(b"HTTP/1.1 503 "):
            reader.close()
    return reader
