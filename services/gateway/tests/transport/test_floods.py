"""Floods of one address: what is read of them, and what others notice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from opsroom_gateway.transport.connection import CONNECTION_EXTENSION
from opsroom_gateway.transport.event_stream import EventStream, EventStreamConnection
from opsroom_gateway.transport.websocket.connection import WebSocketConnection
from opsroom_gateway.transport.websocket.receive_queue import Event
from opsroom_testkit.raw_connection import RawConnection
from opsroom_testkit.waiting import PATIENCE_SECONDS, until
from opsroom_testkit.websocket_frames import CONTINUATION, PING, PONG, TEXT, frame, upgrade_request
from services.gateway.tests.kit.app_server import RunningServer, serving_app
from services.gateway.tests.transport.http.scripted_app import App, get

ATTACKER, OTHER = "127.0.0.2", "127.0.0.3"
BLOCK = 65_536
FLOODED = 64 * 1024 * 1024
"""More than the kernel buffers of a connection hold."""
POOR: dict[str, Any] = {
    "exempt_addresses": ("192.0.2.1",),
    "input_share": 0.0001,
    "input_burst_seconds": 0.02,
}
"""An address soon has no time left, and gets 0.1 ms in a second."""
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = upgrade_request("/socket")
START = frame(TEXT, b"[", flags=0)


class SocketApp(App):
    """Accepts sockets, too, and reads their messages."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "http":
            await super().__call__(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            pass


@asynccontextmanager
async def serving() -> AsyncIterator[RunningServer]:
    async with serving_app(SocketApp(), **POOR) as server:
        yield server


async def from_address(address: str, port: int, data: bytes) -> RawConnection:
    """Connect from ``address``, and send ``data``, after the handshake if it begins with one."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    connection = RawConnection(sock, b"", b"")
    if data.startswith(HANDSHAKE):
        await connection.send(HANDSHAKE)
        while b"\r\n\r\n" not in connection.bytes:
            assert await connection.read()
        data = data.removeprefix(HANDSHAKE)
    await connection.send(data)
    return connection


async def pour(connection: RawConnection, piece: bytes) -> None:
    """Send ``piece`` until much more was sent than buffers hold."""
    block = piece * (BLOCK // len(piece))
    for _ in range(FLOODED // len(block)):
        await connection.send(block)


async def is_served(address: str, port: int) -> bool:
    """Whether a request from ``address`` is answered."""
    connection = await from_address(address, port, get("/ok", "Connection: close"))
    try:
        return (await connection.read_all()).endswith(b"ok")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (HANDSHAKE, frame(PING)),
        (HANDSHAKE, frame(PONG)),
        (HANDSHAKE + START, frame(CONTINUATION, b" ", flags=0)),
        (HANDSHAKE, frame(TEXT, b"{}")),
        (CHUNKED, b"1\r\nx\r\n"),
        (get(), get()),
    ],
    ids=["pings", "pongs", "fragments of one byte", "messages", "chunks of one byte", "pipelined requests"],
)
async def test_an_address_without_time_is_not_read_and_others_are_served(first: bytes, piece: bytes) -> None:
    async with serving() as server:
        attacker = await from_address(ATTACKER, server.port, first)
        flood = asyncio.create_task(pour(attacker, piece))
        account = server.budgets.acquire(ATTACKER, exempt=False)
        await until(lambda: flood.done() or not account.has_time())
        for _ in range(5):
            assert await is_served(OTHER, server.port)
        assert not flood.done(), f"the flood has ended: {flood}"
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        attacker.reset()
        server.budgets.release(account)


async def test_a_new_connection_of_an_address_without_time_waits_too() -> None:
    async with serving() as server:
        account = server.budgets.acquire(ATTACKER, exempt=False)
        account.charge(3600)
        waiting = asyncio.create_task(is_served(ATTACKER, server.port))
        for _ in range(5):
            assert await is_served(OTHER, server.port)
        assert not waiting.done()
        account.charge(-3700)
        # Its turn comes with the next timer at the latest.
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        server.budgets.release(account)


class CallbackApp:
    """Serves a socket by a callback that notes when it handles messages."""

    def __init__(self) -> None:
        self.handled_at: list[float] = []
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a socket."""
        await receive()
        await send({"type": "websocket.accept"})
        connection: WebSocketConnection = scope["extensions"][CONNECTION_EXTENSION]
        connection.serve_callback(self._handle)

    async def _handle(self, _messages: list[Event]) -> None:
        self.handled_at.append(asyncio.get_running_loop().time())
        await self.go_on.wait()


async def test_messages_that_wait_are_handled_when_their_address_has_time() -> None:
    app = CallbackApp()
    limits: dict[str, Any] = {"input_share": 0.5, "input_burst_seconds": 0.05}
    async with serving_app(app, exempt_addresses=("192.0.2.1",), **limits) as server:
        sender = await from_address(ATTACKER, server.port, HANDSHAKE + frame(TEXT, b"{}"))
        await until(lambda: len(app.handled_at) == 1)
        await sender.send(frame(TEXT, b"{}") + frame(PING))
        while not sender.bytes.endswith(b"\x8a\x00"):
            assert await sender.read()
        account = server.budgets.acquire(ATTACKER, exempt=False)
        account.charge(0.25)  # of which 0.05 s may be done at once, and the rest in the double time
        charged_at = asyncio.get_running_loop().time()
        app.go_on.set()
        await until(lambda: len(app.handled_at) == 2)
        assert app.handled_at[1] - charged_at >= 0.35
        sender.reset()
        server.budgets.release(account)


async def test_messages_that_wait_for_time_do_not_outlive_the_server() -> None:
    app, before = CallbackApp(), asyncio.all_tasks()
    async with serving_app(app, exempt_addresses=("192.0.2.1",), drain_seconds=0.1) as server:
        sender = await from_address(ATTACKER, server.port, HANDSHAKE + frame(TEXT, b"{}"))
        await until(lambda: len(app.handled_at) == 1)
        await sender.send(frame(TEXT, b"{}") + frame(PING))
        while not sender.bytes.endswith(b"\x8a\x00"):
            assert await sender.read()
        server.budgets.acquire(ATTACKER, exempt=False).charge(3600)
        app.go_on.set()
    sender.reset()
    assert len(app.handled_at) == 1
    assert asyncio.all_tasks() <= before


async def test_a_socket_whose_message_is_never_complete_is_closed() -> None:
    async with serving_app(SocketApp(), ping_seconds=0.05) as server:
        connection = await from_address(OTHER, server.port, HANDSHAKE + START)
        pongs = asyncio.create_task(_answer_pings(connection))
        async with asyncio.timeout(PATIENCE_SECONDS):
            received = await pongs
        assert b"\x03\xf0message not complete in time" in received
        connection.close()


async def _answer_pings(connection: RawConnection) -> bytes:
    """Answer every ping until the end. Returns what was received."""
    answered = 0
    while await connection.read():
        frames = bytes(connection.bytes)
        while (at := frames.find(b"\x89\x04", answered)) >= 0:
            answered = at + 6
            await connection.send(frame(PONG, frames[at + 2 : at + 6]))
        if b"not complete" in frames:
            break
    return bytes(connection.bytes)


class StreamApp:
    """Serves streams that nothing is written to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream."""
        await EventStream(self._opened)(scope, receive, send)

    async def _opened(self, connection: EventStreamConnection) -> None:
        assert connection.open


async def test_the_client_of_a_stream_may_send_little_after_its_request() -> None:
    async with serving_app(StreamApp()) as server:
        connection = await from_address(OTHER, server.port, get("/events"))
        await until(lambda: server.stats.streams == 1)
        await connection.send(b"x" * 1024)
        with pytest.raises(OSError, match=r"reset|pipe"):
            await connection.send(b"x" * FLOODED)
        await until(lambda: not server.stats.streams)
        connection.close()
