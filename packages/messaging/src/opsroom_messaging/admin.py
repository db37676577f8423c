"""Health over HTTP on a port of its own, for whoever watches the process, as a container engine does.

Two paths and no framework: for a process that otherwise serves no HTTP, importing one would double its start.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from opsroom_messaging.connection import BrokerUnusableError
from opsroom_messaging.settings import BrokerSettings

_HEAD_BYTES = 8192
_HEAD_SECONDS = 5.0
_MOST_CONNECTIONS = 64

log = logging.getLogger(__name__)


class AdminSettings(BrokerSettings):
    """Where health is told; without a port, nowhere. Not for the public: bind it to what is private."""

    admin_host: str = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class AdminAddressError(BrokerUnusableError):
    """The admin address can't be listened on; the message says which and why."""


@asynccontextmanager
async def admin(settings: AdminSettings, ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Answer ``GET /healthz`` (200 as long as the process answers) and ``GET /readyz`` (200 or 503).

    Raises:
        AdminAddressError: the address can't be listened on.
    """
    if settings.admin_port is None:
        yield
        return
    open_connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            if open_connections <= _MOST_CONNECTIONS:
                await _answer(reader, writer, ready)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # who asks like that gets no answer
        finally:
            open_connections -= 1
            writer.close()

    try:
        server = await asyncio.start_server(
            serve, settings.admin_host, settings.admin_port, limit=_HEAD_BYTES
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise AdminAddressError(
            f"can't listen on {settings.admin_host}:{settings.admin_port}: {reason}"
        ) from error
    async with server:
        yield


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready: Callable[[], bool]
) -> None:
    async with asyncio.timeout(_HEAD_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        status = _status(head.split(b"\r\n", 1)[0], ready)
        body = json.dumps({"status": "ok" if status is HTTPStatus.OK else status.phrase.lower()}).encode()
        writer.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
            + (b"" if head.startswith(b"HEAD ") else body)
        )
        with suppress(ConnectionError):
            await writer.drain()


def _status(request_line: bytes, ready: Callable[[], bool]) -> HTTPStatus:
    method, _, rest = request_line.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path not in {b"/healthz", b"/readyz"}:
        return HTTPStatus.NOT_FOUND
    if method not in {b"GET", b"HEAD"}:
        return HTTPStatus.METHOD_NOT_ALLOWED
    if path == b"/readyz" and not ready():
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.OK
