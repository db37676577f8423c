"""The gateway's server and fan-out without a portal, and readers that see every byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.event_stream import EventStream, EventStreamConnection
from opsroom_gateway.transport.server import Server
from opsroom_gateway.transport.stats import TransportStats
from opsroom_gateway.transport.websocket.connection import connection_of, one_by_one
from opsroom_gateway.transport.websocket.receive_queue import Event
from opsroom_testkit.raw_connection import PATIENCE_SECONDS, RawConnection, open_raw
from opsroom_testkit.websocket_frames import upgrade_request
from services.gateway.tests.kit.app_server import serving_app


@dataclass(slots=True)
class Fanout:
    """``sockets`` and ``streams``: broadcasters of ``/ws`` and ``/sse``. Clients of ``/quiet`` get nothing.

    ``descriptors``: file descriptors of the readers of each path. ``received``: events from sockets.
    """

    port: int
    server: Server
    stats: TransportStats
    sockets: Broadcaster = field(default_factory=Broadcaster)
    streams: Broadcaster = field(default_factory=Broadcaster)
    descriptors: dict[str, set[int]] = field(
        default_factory=lambda: {"/ws": set(), "/sse": set(), "/quiet": set()}
    )
    received: list[Event] = field(default_factory=list)
    joining: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> Starlette:
        """Build the application. Readers are not unsubscribed: broadcasters must notice closed ones."""
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
        self._record("/ws", connection)
        self.sockets.subscribe(connection)
        connection.serve_callback(one_by_one(self._on_message))

    async def _quiet(self, websocket: WebSocket) -> None:
        await websocket.accept()
        connection = connection_of(websocket)
        self._record("/quiet", connection)
        connection.serve_callback(one_by_one(self._on_message))

    async def _join(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await self.joining.wait()

    async def _events(self, _request: object) -> EventStream:
        return EventStream(self._on_open)

    async def _on_open(self, connection: EventStreamConnection) -> None:
        self._record("/sse", connection)
        self.streams.subscribe(connection)

    async def _on_message(self, event: Event) -> None:
        self.received.append(event)
        await asyncio.sleep(0)  # gives another message the chance to be handled in between
        self.received.append("handled")

    def _record(self, path: str, connection: ClientConnection) -> None:
        self.descriptors[path].add(connection.write_descriptor)


@asynccontextmanager
async def fanout(send_buffer: int = 0, **overrides: object) -> AsyncIterator[Fanout]:
    """Run the server. ``send_buffer``: the kernel's send buffer per connection, in bytes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope, receive, send)

    async with serving_app(app, send_buffer, **overrides) as running:
        served = Fanout(running.port, running.server, running.stats)
        application = served.application()
        try:
            yield served
        finally:
            served.joining.set()


def request_for(path: str) -> bytes:
    """Return the request that opens a socket or, at ``/sse``, a stream."""
    return b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n" if path == "/sse" else upgrade_request(path)


async def raw_reader(port: int, path: str, receive_buffer: int = 0) -> RawConnection:
    """Open a socket or, at ``/sse``, a stream, and read the response headers."""
    return await open_raw(port, request_for(path), receive_buffer)


async def connect_when_possible(port: int, path: str) -> RawConnection:
    """Open a connection as soon as it is not rejected."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (reader := await raw_reader(port, path)).head.startswith(b"HTTP/1.1 503 "):
            reader.close()
    return reader
