"""The clients' side of the wire: a WebSocket that can misbehave, HTTP requests, and event streams."""

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 25.0
_OPCODE_TEXT, _OPCODE_BINARY, _OPCODE_CLOSE, _OPCODE_PING = 1, 2, 8, 9

Json = dict[str, Any]


class Socket(asyncio.Protocol):
    """One WebSocket. ``on_payload`` gets what each frame holds; ``closed`` the close code (1006: none)."""

    def __init__(self, path: str, on_payload: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self._path = path
        self._on_payload = on_payload
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._open = False
        self._deaf = False
        self._code = 1006
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: opsroom\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        if self._rest:
            data = self._rest + data
        if not self._open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                if not self.opened.done():
                    self.opened.set_exception(ConnectionError(data[:60].decode("latin-1")))
                self.abort()
                return
            self._open = True
            if not self.opened.done():
                self.opened.set_result(None)
            data = data[end + 4 :]
        self._rest = data[self._cut(data) :]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed before the upgrade"))
            self.opened.exception()  # read: nobody need wait for it any more
        if not self.closed.done():
            self.closed.set_result(self._code)

    def send(self, frame: Json) -> None:
        """Send a frame."""
        self.send_raw(_text_frame(json.dumps(frame).encode()))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def cut(self, frame: Json) -> None:
        """Send half a frame, and then a reset instead of the rest."""
        whole = _text_frame(json.dumps(frame).encode())
        self.send_raw(whole[: len(whole) // 2])
        self.abort(reset=True)

    def close(self) -> None:
        """Close in order."""
        self.send_raw(b"\x88\x82\0\0\0\0" + struct.pack("!H", 1000))

    def abort(self, *, reset: bool = False) -> None:
        """Drop the connection, with a reset where asked."""
        if self._transport is None:
            return
        if reset:
            peer = self._transport.get_extra_info("socket")
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def pause(self) -> None:
        """Read nothing: pings stay unanswered, and what comes piles up."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _cut(self, data: bytes) -> int:
        start, total = 0, len(data)
        while total - start >= 2:
            size, head = data[start + 1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[start + 2 : start + 10], "big"), 10
            end = start + head + size
            if end > total:
                break
            self._take(data[start] & 0x0F, data[start + head : end])
            start = end
        return start

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode in {_OPCODE_TEXT, _OPCODE_BINARY}:
            if not self._deaf:
                self._on_payload(payload)
        elif opcode == _OPCODE_PING:
            self.send_raw(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        elif opcode == _OPCODE_CLOSE:
            self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._deaf = True
            if self._transport is not None:
                self._transport.close()


def _text_frame(payload: bytes) -> bytes:
    """A frame masked with zeros."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


async def open_socket(port: int, path: str, on_payload: Callable[[bytes], None]) -> Socket:
    """A socket to ``path`` on this machine.

    Raises:
        OSError: refused, reset or (TimeoutError) unanswered.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: Socket(path, on_payload), "127.0.0.1", port
        )
        try:
            await made.opened
        except BaseException:
            made.abort()
            raise
    return made


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; ``body`` is its JSON, or {}."""

    status: int
    body: Json


async def request(
    port: int, method: str, path: str, *, headers: dict[str, str] | None = None, body: object = None
) -> Answer:
    """One request on a connection of its own.

    Raises:
        OSError: no whole answer in time.
    """
    payload = b"" if body is None else json.dumps(body).encode()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_head(method, path, headers or {}, len(payload)) + payload)
                return _answer(await reader.read())
            finally:
                writer.transport.abort()
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("an answer broke off") from error


def _head(method: str, path: str, headers: dict[str, str], size: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: opsroom", "Connection: close", f"Content-Length: {size}"]
    if size:
        lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _answer(data: bytes) -> Answer:
    head, found, body = data.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")
    if not found or not fields[0].startswith(b"HTTP/1.1 "):
        raise ConnectionError("no answer")
    for field in fields[1:]:
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length" and int(value) != len(body):
            raise ConnectionError("an answer broke off")
    try:
        decoded = json.loads(body) if body else {}
    except ValueError as error:
        raise ConnectionError("an answer broke off") from error
    return Answer(int(fields[0].split(b" ")[1]), decoded if isinstance(decoded, dict) else {"list": decoded})


@asynccontextmanager
async def event_stream(port: int, path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[Json]]:
    """Server-sent events, each as {"id", "event", "data"}; ends when the server ends it.

    Raises:
        OSError: refused, reset, or silent for longer than heartbeats allow.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=8 * 1024 * 1024)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            writer.write(_head("GET", path, headers | {"Accept": "text/event-stream"}, 0))
            status = await reader.readuntil(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(status[:40].decode("latin-1"))
        yield _events(reader, chunked=b"chunked" in status.lower())
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the stream broke off") from error
    finally:
        writer.transport.abort()


async def _events(reader: asyncio.StreamReader, *, chunked: bool) -> AsyncIterator[Json]:
    rest = b""
    while True:
        async with asyncio.timeout(SILENCE_SECONDS):
            if chunked:
                size = int((await reader.readuntil(b"\r\n")).strip(), 16)
                data = (await reader.readexactly(size + 2))[:-2]
            else:
                data = await reader.read(65536)
        if not data:
            return
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            event: Json = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(": ")
                if name in {"id", "event", "data"}:
                    event[name] = value
            if event:
                yield event


SILENCE_SECONDS = 12.0
"""An event stream that says nothing for this long (heartbeats come every 5 s in a run) is taken for dead."""
