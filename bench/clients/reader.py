"""A reader that records what it receives, and resumes after a reconnect."""

import asyncio
import json
import re
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from opsroom_client import Opsroom
from opsroom_testkit.websocket_client import WebSocketClient

SSE, WEBSOCKET = "SSE", "WebSocket"
_PER_ADDRESS = 5_000
_REGISTER_AT_ONCE = 16
_JOIN_SECONDS = 60.0
_EVENT = re.compile(rb"id: (\d+)\nevent: change\ndata: (\{[^\n]*\})\n\n")
_OPERATION = re.compile(rb'"operationId":"([^"]+)"')
_MESSAGE = re.compile(rb'\{"seq":(\d+),.*?"text":"bench:(\d+):')


class Reader(Protocol):
    """A reader; ``got``: the keys of what it received, in order."""

    got: list[str]

    @property
    def lost(self) -> bool:
        """Whether it is disconnected."""

    async def join(self, port: int) -> None:
        """Connect and resume. Returns when it is live or the replay has begun.

        Raises:
            ConnectionError, OSError, TimeoutError: refused; it may try again.
        """


class SocketReader:
    """A socket of ``/api/v1/chat/ws``."""

    def __init__(self, number: int, token: str) -> None:
        self.got: list[str] = []
        self._number = number
        self._token = token
        self.since: int | None = None
        self._reader: WebSocketClient | None = None
        self._welcomed = asyncio.Event()

    @property
    def lost(self) -> bool:
        """Whether it is disconnected."""
        return self._reader is None or self._reader.lost

    async def join(self, port: int) -> None:
        """Send `hello` and wait for the welcome."""
        self._welcomed.clear()
        loop = asyncio.get_running_loop()
        _, reader = await loop.create_connection(
            lambda: WebSocketClient("/api/v1/chat/ws", self.receive),
            "127.0.0.1",
            port,
            local_addr=source_of(self._number),
        )
        self._reader = reader
        try:
            async with asyncio.timeout(_JOIN_SECONDS):
                await reader.opened
                hello = {"type": "hello", "token": self._token, "userPages": True}
                reader.send(
                    json.dumps(hello if self.since is None else hello | {"since": self.since}).encode()
                )
                while not self._welcomed.is_set():
                    if reader.lost:
                        raise ConnectionError("closed before the welcome")
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._welcomed.wait(), 1.0)
        except BaseException:  # also when cancelled: nothing else would close it
            reader.close()
            raise

    def receive(self, payload: bytes) -> None:
        """Record a frame."""
        found = _MESSAGE.match(payload)
        if found is not None:
            self.since = int(found[1])
            self.got.append(sys.intern(found[2].decode()))
        elif payload.startswith(b'{"type":"welcome"'):
            if self.since is None:
                self.since = json.loads(payload)["seq"]
            self._welcomed.set()


class EventStreamReader(asyncio.Protocol):
    """A stream of ``/api/v1/cloud/events``.

    ``received`` is called with the number of this reader and the operation id of each event.
    """

    def __init__(self, number: int, received: Callable[[int, str], None] | None = None) -> None:
        self.got: list[str] = []
        self.lost = True
        self._received = received
        self._number = number
        self.last_id = ""
        self._rest = b""
        self.opened: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    async def join(self, port: int) -> None:
        """Request the events after the last known one, and wait for the headers of the response."""
        loop = asyncio.get_running_loop()
        opened = self.opened = loop.create_future()
        self._rest = b""
        await loop.create_connection(lambda: self, "127.0.0.1", port, local_addr=source_of(self._number))
        try:
            async with asyncio.timeout(_JOIN_SECONDS):
                await opened
        except BaseException:  # when cancelled, too: nobody else would close it
            if self._transport is not None:
                self._transport.abort()
            raise

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.lost = False
        place = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        head = "GET /api/v1/cloud/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n"
        transport.write(f"{head}{place}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Record the complete events."""
        data = self._rest + data
        opened = self.opened
        if opened is not None and not opened.done():
            if b"\r\n\r\n" not in data:
                self._rest = data
                return
            if data.startswith(b"HTTP/1.1 200"):
                opened.set_result(None)
            else:
                opened.set_exception(ConnectionError(data[:100].decode("latin-1")))
        end = 0
        for event in _EVENT.finditer(data):
            end = event.end()
            self.last_id = event[1].decode()
            operation = _OPERATION.search(event[2])
            if operation is not None:
                key = sys.intern(operation[1].decode())
                self.got.append(key)
                if self._received is not None:
                    self._received(self._number, key)
        self._rest = data[end:][-4096:]

    def close(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark it as disconnected."""
        self.lost = True
        if self.opened is not None and not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before the answer"))
            self.opened.exception()  # marks it as retrieved: the waiter may have timed out


async def tokens(port: int, readers: int, share: int) -> list[str]:
    """Register users, and return a token for each of ``readers`` sockets; ``share`` of them have the same."""
    slots = asyncio.Semaphore(_REGISTER_AT_ONCE)
    async with Opsroom(f"http://127.0.0.1:{port}") as opsroom:

        async def register(number: int) -> str:
            async with slots:
                return (await opsroom.register(f"reader {number}")).token

        known = await asyncio.gather(*map(register, range(-(-readers // share))))
    return [known[number % len(known)] for number in range(readers)]


def source_of(number: int) -> tuple[str, int] | None:
    """Return the source address of a reader: one address has too few ports if old ones are in TIME_WAIT."""
    return (f"127.0.0.{1 + number // _PER_ADDRESS}", 0) if sys.platform == "linux" else None


def allow_open_files() -> None:
    """Raise the limit on open files to the maximum."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
