"""WebSocket on real sockets: handshake, messages, closing and flow control."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from opsroom_gateway.transport import closing
from opsroom_gateway.transport.connection import CONNECTION_EXTENSION
from opsroom_gateway.transport.encoding import text_frame
from opsroom_gateway.transport.websocket.endpoint import ClientDisconnectedError
from opsroom_testkit.raw_connection import PATIENCE_SECONDS, open_raw
from opsroom_testkit.raw_websocket import open_websocket
from opsroom_testkit.waiting import until
from opsroom_testkit.websocket_frames import CLOSE, TEXT, close_frame, frame, upgrade_request
from services.gateway.tests.kit.app_server import RunningServer, serving_app

ACCEPT: Message = {"type": "websocket.accept"}


class App:
    """An application whose path chooses what it does."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.received: list[Message] = []
        self.errors: list[BaseException] = []
        self.gate = asyncio.Event()
        self.sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        serve: Callable[[Receive, Send], Awaitable[None]] = getattr(self, scope["path"][1:])
        try:
            await serve(receive, send)
        except BaseException as error:
            self.errors.append(error)
            raise

    async def echo(self, receive: Receive, send: Send) -> None:
        """Send each message back, until the end."""
        await send({**ACCEPT, "subprotocol": "b", "headers": [(b"X-One", b"1")]})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        self.received.append(message)

    async def closes(self, receive: Receive, send: Send) -> None:
        """Close with the code 4000."""
        await send(ACCEPT)
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        self.received.append(await receive())

    async def held(self, receive: Receive, send: Send) -> None:
        """Accept, and receive once the gate is open."""
        await send(ACCEPT)
        await self.gate.wait()
        while (message := await receive())["type"] == "websocket.receive":
            self.received.append(message)
        self.received.append(message)

    async def joining(self, _receive: Receive, send: Send) -> None:
        """Accept once the gate is open."""
        await self.gate.wait()
        await send(ACCEPT)

    async def late(self, _receive: Receive, send: Send) -> None:
        """Accept a connection that is being closed."""
        self.scopes[-1]["extensions"][CONNECTION_EXTENSION].transport.abort()
        await send(ACCEPT)

    async def rejects(self, _receive: Receive, send: Send) -> None:
        """Reject."""
        await send({"type": "websocket.close"})

    async def responds(self, receive: Receive, send: Send) -> None:
        """Reject with a response."""
        await send(
            {
                "type": "websocket.http.response.start",
                "status": 418,
                "headers": [(b"X-A", b"1"), (b"X-A", b"2")],
            }
        )
        await send({"type": "websocket.http.response.body", "body": b"short and ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"stout"})
        self.received.append(await receive())

    async def raises(self, _receive: Receive, _send: Send) -> None:
        """Raise before the handshake."""
        raise ZeroDivisionError

    async def breaks(self, _receive: Receive, send: Send) -> None:
        """Raise after the handshake."""
        await send(ACCEPT)
        raise ZeroDivisionError

    async def silent(self, _receive: Receive, _send: Send) -> None:
        """Return without a response."""

    async def confused(self, _receive: Receive, send: Send) -> None:
        """Send before accepting."""
        await send({"type": "websocket.send", "text": "too early"})

    async def flood(self, _receive: Receive, send: Send) -> None:
        """Send 64 MiB."""
        await send(ACCEPT)
        for _ in range(1024):
            await send({"type": "websocket.send", "bytes": b"x" * 65_536})
            self.sent += 65_536


@asynccontextmanager
async def running(**overrides: object) -> AsyncIterator[tuple[App, RunningServer]]:
    """Run the server in front of an ``App``. Nothing may be left of its connections."""
    app = App()
    async with serving_app(app, 0, **overrides) as server:
        try:
            yield app, server
        finally:
            app.gate.set()
        await until(lambda: not server.server.server_state.connections)
        await until(lambda: not server.server.server_state.tasks)
        assert server.stats.sockets == 0


@asynccontextmanager
async def client(server: RunningServer, path: str) -> AsyncIterator[ClientConnection]:
    """Connect to ``path``."""
    async with connect(f"ws://127.0.0.1:{server.port}{path}", subprotocols=["a", "b"]) as socket:  # type: ignore[list-item]
        yield socket


async def test_an_accepted_socket_has_the_headers_and_the_subprotocol_of_the_application() -> None:
    async with running() as (app, server):
        async with client(server, "/echo?a=%20b") as socket:
            assert socket.subprotocol == "b"
            assert socket.response is not None
            assert socket.response.headers["X-One"] == "1"
            assert len(socket.response.headers.get_all("Date")) == 1
            assert "Server" not in socket.response.headers
        scope = app.scopes[0]
        assert (scope["type"], scope["scheme"], scope["path"]) == ("websocket", "ws", "/echo")
        assert (scope["query_string"], scope["subprotocols"]) == (b"a=%20b", ["a", "b"])
        assert (b"host", f"127.0.0.1:{server.port}".encode()) in scope["headers"]
        assert set(scope["extensions"]) == {"websocket.http.response", CONNECTION_EXTENSION}


async def test_messages_go_both_ways() -> None:
    async with running() as (_, server), client(server, "/echo") as socket:
        for message in ("text ☃", b"\xff\xfe", "", "x" * 60_000):
            await socket.send(message)
            assert await socket.recv() == message


async def test_an_application_learns_how_its_peer_closed() -> None:
    async with running() as (app, server):
        async with client(server, "/echo") as socket:
            await socket.close(4001, "bye")
        async with client(server, "/echo") as socket:
            socket.transport.abort()
        await until(lambda: len(app.received) == 2)
        assert app.received == [
            {"type": "websocket.disconnect", "code": 4001, "reason": "bye"},
            {"type": "websocket.disconnect", "code": 1005},
        ]


async def test_an_application_closes_with_a_code_and_a_reason() -> None:
    async with running() as (app, server):
        async with client(server, "/closes") as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4000, "enough")
        assert app.received == [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]


async def test_a_close_crosses_ours_between_fragments() -> None:
    async with running() as (_, server):
        socket = await open_websocket(server.port, "/closes")
        assert await socket.next() == (CLOSE, struct.pack("!H", 4000) + b"enough")
        socket.writer.write(frame(TEXT, b"[1", flags=0) + close_frame(4000))
        assert await socket.reader.read() == b""
        await socket.end()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/rejects", b"403 Forbidden", b""),
        ("/responds", b"418 I'm a Teapot", b"short and stout"),
        ("/raises", b"500 Internal Server Error", b"Internal Server Error"),
        ("/silent", b"500 Internal Server Error", b"Internal Server Error"),
        ("/confused", b"500 Internal Server Error", b"Internal Server Error"),
    ],
)
async def test_a_socket_that_is_not_accepted_gets_a_response(path: str, status: bytes, body: bytes) -> None:
    async with running() as (_, server):
        raw = await open_raw(server.port, upgrade_request(path))
        assert raw.head.startswith(b"HTTP/1.1 " + status + b"\r\n")
        assert b"\r\nContent-Length: %d" % len(body) in raw.head
        assert await raw.read_all() == body
        assert raw.head.count(b"X-A: ") == (2 if path == "/responds" else 0)
        raw.close()


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (upgrade_request("/echo").replace(b"Version: 13", b"Version: 8"), b"400"),
        (upgrade_request("/echo").replace(b"GET", b"POST"), b"405"),
        (upgrade_request("/echo?" + "x" * 9000), b"414"),
        (upgrade_request("/echo", subprotocol="x" * 9000), b"431"),
    ],
)
async def test_an_invalid_handshake_is_rejected_and_frees_its_place(
    request_head: bytes, status: bytes
) -> None:
    async with running(joining=1) as (app, server):
        for _ in range(3):
            raw = await open_raw(server.port, request_head)
            assert raw.head.startswith(b"HTTP/1.1 " + status)
            await raw.read_all()
            raw.close()
            await until(lambda: not server.server.server_state.connections)
        assert app.scopes == []
        assert server.stats.refused_handshakes == 0


async def test_an_application_that_fails_after_the_handshake_loses_its_socket() -> None:
    async with running() as (_, server):
        raw = await open_raw(server.port, upgrade_request("/breaks"))
        assert raw.head.startswith(b"HTTP/1.1 101 ")
        assert await raw.read_all() == b""
        raw.close()


async def test_no_more_is_read_until_a_message_is_taken() -> None:
    size, count = 60_000, 1000
    async with running() as (app, server):
        socket = await open_websocket(server.port, "/held")
        socket.writer.write(frame(TEXT, b"x" * size) * count + close_frame(1000))
        for _ in range(20):
            (await open_raw(server.port, upgrade_request("/rejects"))).close()
        assert socket.writer.transport.get_write_buffer_size() > size * count // 2
        app.gate.set()
        assert (await socket.next())[0] == CLOSE
        await until(lambda: len(app.received) == count + 1)
        await socket.end()


async def test_heartbeats_are_sent_while_messages_wait_for_the_application() -> None:
    async with running(ping_seconds=0.3) as (app, server), client(server, "/held") as socket:
        await until(lambda: bool(app.scopes))
        app.scopes[0]["extensions"][CONNECTION_EXTENSION].heartbeat = lambda: text_frame(b"alive")
        await socket.send("waits")
        for _ in range(4):
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await socket.recv() == "alive"
        assert app.received == []


async def test_a_peer_that_does_not_read_stops_the_application() -> None:
    async with running() as (app, server):
        raw = await open_raw(server.port, upgrade_request("/flood"), receive_buffer=4096)
        for _ in range(20):
            (await open_raw(server.port, upgrade_request("/rejects"))).close()
        assert app.sent < 32 * 1024 * 1024
        raw.reset()
        await until(lambda: app.errors)
        assert isinstance(app.errors[0], ClientDisconnectedError)


async def test_a_peer_that_closes_but_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "UNREAD_SECONDS", 0.2)
    async with running() as (app, server):
        raw = await open_raw(server.port, upgrade_request("/flood"), receive_buffer=4096)
        await until(lambda: app.sent > 0)
        await raw.send(close_frame(1000))
        await until(lambda: server.stats.sockets == 0)
        assert isinstance(app.errors[0], ClientDisconnectedError)
        raw.close()


async def test_what_watches_a_connection_that_is_lost_already_is_called_at_once() -> None:
    async with running() as (app, server):
        raw = await open_raw(server.port, upgrade_request("/held"))
        raw.reset()
        connection = app.scopes[-1]["extensions"][CONNECTION_EXTENSION]
        await until(lambda: not connection.connected)
        called: list[int] = []
        connection.on_close(lambda: called.append(1))
        assert called == [1]


async def test_a_stop_rejects_sockets_whose_handshake_is_in_progress(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as (app, server):
        joining = asyncio.create_task(open_raw(server.port, upgrade_request("/joining")))
        await until(lambda: app.scopes)
        server.server.stop()
        raw = await joining
        assert raw.head.startswith(b"HTTP/1.1 500 ")
        raw.close()
        app.gate.set()
    assert "Exception" not in caplog.text


async def test_a_socket_that_is_being_closed_is_not_accepted(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as (app, server):
        raw = await open_raw(server.port, upgrade_request("/late"))
        raw.close()
        await until(lambda: app.errors)
    assert isinstance(app.errors[0], ClientDisconnectedError)
    assert caplog.text == ""


async def upgraded(server: RunningServer, path: str, tls: ssl.SSLContext | None) -> asyncio.StreamWriter:
    """Open a connection, and wait for the response to its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls)
    writer.write(upgrade_request(path))
    await reader.readuntil(b"\r\n\r\n")
    return writer


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_what_arrived_before_the_connection_broke_is_received(
    certificate: tuple[Path, Path], tls: bool
) -> None:
    cert, key = certificate
    files = {"tls_cert": cert, "tls_key": key} if tls else {}
    trusted = ssl.create_default_context(cafile=str(cert)) if tls else None
    async with running(**files) as (app, server):
        writer = await upgraded(server, "/held", trusted)
        writer.write(frame(TEXT, b"1") + frame(TEXT, b"2"))
        await writer.drain()
        (await upgraded(server, "/rejects", trusted)).close()  # the server has read the two
        writer.write(frame(TEXT, b"3") + close_frame(1000))
        await writer.drain()
        writer.close()
        connection = app.scopes[0]["extensions"][CONNECTION_EXTENSION]
        await until(lambda: not connection.write(frame(TEXT, b"x", masked=False)) or not connection.connected)
        app.gate.set()
        await until(lambda: app.received and app.received[-1]["type"] == "websocket.disconnect")
    assert [message.get("text") for message in app.received[:-1]] == ["1", "2", "3"]
    assert app.received[-1]["code"] == 1000
    assert connection.closed_by_peer
