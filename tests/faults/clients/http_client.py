"""HTTP requests and event streams, each on its own connection."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

GATEWAY_HEADER = "X-Gateway"
"""The proxy's response header that names the gateways that it asked: the last one responded."""
_GATEWAY = re.compile(rf"\r\n{GATEWAY_HEADER}: [^\r]*:(\d+)\r\n".encode())
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 25.0
SILENCE_SECONDS = 12.0
"""An event stream that is silent for this long counts as dead (heartbeats come every 5 s in a run)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; ``body``: its JSON, or {}."""

    status: int
    body: Json


@dataclass(frozen=True, slots=True)
class EventStream:
    """An open stream of server-sent events, each as {"id", "event", "data"}; ``gateway``: its port."""

    gateway: int
    events: AsyncIterator[Json]


def gateway_port(head: bytes, port: int) -> int:
    """Return the port of the gateway that sent ``head`` over a connection to ``port``."""
    found = _GATEWAY.search(head + b"\r\n")
    return int(found[1]) if found else port


async def request(
    port: int,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    body: object = None,
    content: bytes | None = None,
) -> Answer:
    """Send a request on a new connection. ``body``: sent as JSON; ``content``: sent as it is.

    Raises:
        OSError: no complete response in time.
    """
    payload = content if content is not None else b"" if body is None else json.dumps(body).encode()
    return _answer(await _exchange(port, _head(method, path, headers or {}, len(payload)) + payload))


async def download(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Get a file. Returns the status and the body.

    Raises:
        OSError: no complete response in time.
    """
    head, body = _split(await _exchange(port, _head("GET", path, headers, 0)))
    return int(head.split(b" ", 2)[1]), body


async def _exchange(port: int, data: bytes) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(data)
                return await reader.read()
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


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the head and the whole body of a response."""
    head, found, body = data.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")
    if not found or not fields[0].startswith(b"HTTP/1.1 "):
        raise ConnectionError("no answer")
    for field in fields[1:]:
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length" and int(value) != len(body):
            raise ConnectionError("an answer broke off")
        if name.lower() == b"transfer-encoding" and b"chunked" in value:
            body = _joined(body)
    return head, body


def _joined(body: bytes) -> bytes:
    """Join the chunks of a body."""
    found = bytearray()
    while True:
        size, end, body = body.partition(b"\r\n")
        length = int(size, 16) if end else 0
        if not end or len(body) < length + 2:
            raise ConnectionError("an answer broke off")
        if not length:
            return bytes(found)
        found += body[:length]
        body = body[length + 2 :]


def _answer(data: bytes) -> Answer:
    head, body = _split(data)
    fields = head.split(b"\r\n")
    try:
        decoded = json.loads(body) if body else {}
    except ValueError as error:
        raise ConnectionError("an answer broke off") from error
    return Answer(int(fields[0].split(b" ")[1]), decoded if isinstance(decoded, dict) else {"list": decoded})


@asynccontextmanager
async def event_stream(port: int, path: str, headers: dict[str, str]) -> AsyncIterator[EventStream]:
    """Open a stream of server-sent events, which lasts until the server ends it.

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
        events = _events(reader, chunked=b"chunked" in status.lower())
        yield EventStream(gateway_port(status, port), events)
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
