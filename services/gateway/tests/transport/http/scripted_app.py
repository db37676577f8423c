"""An application whose path chooses its responses, and a server in front of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.types import Message, Receive, Scope, Send

from opsroom_testkit.raw_connection import RawConnection
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.app_server import RunningServer, serving_app

OK: Message = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"2")]}
LARGE = 16 * 1024 * 1024
"""More than the kernel buffers for a connection."""
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def get(path: str = "/ok", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request without a body."""
    return "\r\n".join((f"{method} {path} HTTP/{version}", "Host: x", *headers, "", "")).encode()


class App:
    """An application whose path chooses what it does."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.received: list[Message] = []
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.sent = 0
        self.done: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.scopes.append(scope)
        self.started.set()
        serve: Callable[[Receive, Send], Awaitable[None]] = getattr(self, scope["path"][1:])
        await serve(receive, send)
        self.done.append(scope["path"])

    async def ok(self, _receive: Receive, send: Send) -> None:
        """Send two bytes."""
        await send(OK)
        await send({"type": "http.response.body", "body": b"ok"})

    async def echo(self, receive: Receive, send: Send) -> None:
        """Send the body of the request, without a length."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (message := await receive())["type"] == "http.request":
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})
        self.received.append(message)

    async def held(self, receive: Receive, send: Send) -> None:
        """Respond once the gate is open."""
        await self.gate.wait()
        await self.ok(receive, send)

    async def waits(self, receive: Receive, _send: Send) -> None:
        """Wait for the end of the client."""
        while (message := await receive())["type"] == "http.request":
            pass
        self.received.append(message)

    async def flood(self, _receive: Receive, send: Send) -> None:
        """Send 64 MiB."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(1024):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": n < 1023})
            self.sent += 65_536

    async def large(self, _receive: Receive, send: Send) -> None:
        """Send a body at once."""
        head = [(b"Content-Length", b"%d" % LARGE)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"x" * LARGE})

    async def raises(self, _receive: Receive, _send: Send) -> None:
        """Raise before the response."""
        raise ZeroDivisionError

    async def breaks(self, _receive: Receive, send: Send) -> None:
        """Raise within the response."""
        await send(OK)
        raise ZeroDivisionError

    async def silent(self, _receive: Receive, _send: Send) -> None:
        """Send nothing."""

    async def long(self, _receive: Receive, send: Send) -> None:
        """Send more than the declared length."""
        await send(OK)
        await send({"type": "http.response.body", "body": b"longer"})

    async def short(self, _receive: Receive, send: Send) -> None:
        """Send less than the declared length."""
        await send(OK)
        await send({"type": "http.response.body", "body": b"o"})

    async def empty(self, _receive: Receive, send: Send) -> None:
        """Send a status without a body."""
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def injects(self, _receive: Receive, send: Send) -> None:
        """Send a header with a line break."""
        await send({**OK, "headers": [(b"X-A", b"1\r\nX-B: 2")]})


@asynccontextmanager
async def running(**overrides: float) -> AsyncIterator[tuple[App, RunningServer]]:
    """Run the server in front of an ``App``."""
    app = App()
    async with serving_app(app, 0, **overrides) as server:
        try:
            yield app, server
        finally:
            app.gate.set()


async def exchange(server: RunningServer, data: bytes) -> bytes:
    """Send ``data`` and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.transport.abort()


async def responses(connection: RawConnection, count: int) -> bytes:
    """Read ``count`` responses of ``/ok`` that follow the first one."""
    while connection.bytes.count(b"\r\n\r\nok") < count:
        assert await connection.read()
    return bytes(connection.bytes)
