"""Health and metrics over HTTP on a port of its own, for whoever watches the process.

Three paths and no framework: for a process that otherwise serves no HTTP, importing one would double its
start.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from opsroom_messaging.client.connection import BrokerUnusableError
from opsroom_messaging.runtime.metrics import Metrics
from opsroom_messaging.runtime.settings import BrokerSettings, ListeningHost

_HEAD_BYTES = 8192
_HEAD_SECONDS = 5.0
_MOST_CONNECTIONS = 64

log = logging.getLogger(__name__)


class AdminSettings(BrokerSettings):
    """Where health and metrics are told; without a port, nowhere. Not for the public: keep it private."""

    admin_host: ListeningHost = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class AdminAddressError(BrokerUnusableError):
    """The admin address can't be listened on; the message says which and why."""


class Vitals:
    """Whether a process is ready, and its metrics: both exist only while it is at work."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._ready: Callable[[], bool] | None = None

    def ready(self) -> bool:
        """Whether the process is at work and can do it."""
        return self._ready is not None and self._ready()

    @contextmanager
    def at_work(self, ready: Callable[[], bool], metrics: Metrics) -> Iterator[None]:
        """Answer from these two until the context ends."""
        self._ready, self.metrics = ready, metrics
        try:
            yield
        finally:
            self._ready = None


@asynccontextmanager
async def admin(settings: AdminSettings, vitals: Vitals) -> AsyncIterator[None]:
    """Answer ``/healthz`` (200 as long as the process answers), ``/readyz`` (200 or 503) and ``/metrics``.

    Open it before the start: a process that still waits for the broker is alive, and not ready.

    Raises:
        AdminAddressError: the address can't be listened on.
    """
    if settings.admin_port is None:
        yield
        return
    open_connections = 0
    answers = _Answers(vitals)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            if open_connections <= _MOST_CONNECTIONS:
                await _answer(reader, writer, answers)
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


class _Answers:
    """What is answered to which path."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def __call__(self, path: bytes, accept: str) -> tuple[HTTPStatus, bytes, str]:
        """Status, body and content type."""
        if path == b"/metrics":
            from opsroom_messaging.runtime.metrics_page import MetricsPage  # noqa: PLC0415 - with the first page

            return HTTPStatus.OK, *MetricsPage(self._vitals.metrics).render(accept)
        if path == b"/healthz":
            return _health(HTTPStatus.OK)
        if path == b"/readyz":
            return _health(HTTPStatus.OK if self._vitals.ready() else HTTPStatus.SERVICE_UNAVAILABLE)
        return _health(HTTPStatus.NOT_FOUND)


def _health(status: HTTPStatus) -> tuple[HTTPStatus, bytes, str]:
    said = "ok" if status is HTTPStatus.OK else status.phrase.lower()
    return status, json.dumps({"status": said}).encode(), "application/json"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: _Answers) -> None:
    async with asyncio.timeout(_HEAD_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        request_line, *headers = head.split(b"\r\n")
        method, _, rest = request_line.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        status, body, content_type = answers(path, _header(headers, b"accept"))
        if status is not HTTPStatus.NOT_FOUND and method not in {b"GET", b"HEAD"}:
            status, body, content_type = _health(HTTPStatus.METHOD_NOT_ALLOWED)
        writer.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
            + (b"" if method == b"HEAD" else body)
        )
        with suppress(ConnectionError):
            await writer.drain()


def _header(headers: list[bytes], wanted: bytes) -> str:
    for line in headers:
        name, _, value = line.partition(b":")
        if name.strip().lower() == wanted:
            return value.strip().decode("latin-1")
    return ""
