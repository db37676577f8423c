"""An HTTP server with health checks and metrics, on a separate port.

It has three paths and uses no framework: that would add 5 MB to each process that serves no other HTTP, and
silent connections could block the health checks.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import Annotated, Protocol

from pydantic import Field

from opsroom_runtime.errors import AdminAddressError
from opsroom_runtime.metrics import Metrics, render_by_service
from opsroom_runtime.readiness import Check
from opsroom_runtime.settings import ListeningHost, Settings

_MAX_HEAD_BYTES = 8192
_HEAD_TIMEOUT_SECONDS = 5.0
_MAX_CONNECTIONS = 64

log = logging.getLogger(__name__)


class AdminSettings(Settings):
    """The address of the admin server. Without a port it is off; keep the port private."""

    admin_host: ListeningHost = "127.0.0.1"
    admin_port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class Health(Protocol):
    """What the admin server answers with."""

    def problem(self) -> str | None:
        """Why the process is not ready; None if it is."""

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the format that a request's ``Accept`` selects."""


class HealthStatus:
    """The readiness and metrics of a process. Both are provided while its service runs, see ``report``."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._check: Check | None = None

    def problem(self) -> str | None:
        """Why the process is not ready; None if its service runs and is ready."""
        return "it is starting or stopping" if self._check is None else self._check()

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the format that a request's ``Accept`` selects."""
        return self.metrics.render(accept)

    @contextmanager
    def report(self, check: Check, metrics: Metrics) -> Iterator[None]:
        """Use ``check`` and ``metrics`` until the context ends."""
        self._check, self.metrics = check, metrics
        try:
            yield
        finally:
            self._check = None


class HealthOfSeveral:
    """The readiness and metrics of a process with several services, by their names.

    The process is ready if all are. The metrics are those of a process with one service, and have the label
    ``service``.
    """

    def __init__(self, services: Mapping[str, HealthStatus]) -> None:
        self._services = services

    def problem(self) -> str | None:
        """Why the process is not ready: the first service that is not, and its reason."""
        problems = ((name, health.problem()) for name, health in self._services.items())
        return next((f"{name}: {problem}" for name, problem in problems if problem is not None), None)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the format that a request's ``Accept`` selects."""
        return render_by_service({name: health.metrics for name, health in self._services.items()}, accept)


@asynccontextmanager
async def serve_admin(settings: AdminSettings, health: Health) -> AsyncIterator[None]:
    """Serve ``/healthz`` (200 while the process responds), ``/readyz`` and ``/metrics``.

    ``/readyz`` returns 200, or 503 with the reason.

    Enter it before the service starts: a process that waits for the broker is alive, but not ready.

    Raises:
        AdminAddressError: the address can't be listened on.
    """
    if settings.admin_port is None:
        yield
        return
    open_connections = 0
    router = _Router(health)

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            if open_connections <= _MAX_CONNECTIONS:
                await _respond(reader, writer, router)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # not an HTTP request, or the connection was lost
        finally:
            open_connections -= 1
            writer.close()

    try:
        server = await asyncio.start_server(
            on_connection, settings.admin_host, settings.admin_port, limit=_MAX_HEAD_BYTES
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise AdminAddressError(
            f"can't listen on {settings.admin_host}:{settings.admin_port}: {reason}"
        ) from error
    async with server:
        yield


class _Router:
    """Maps paths to responses."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def __call__(self, path: bytes, accept: str) -> tuple[HTTPStatus, bytes, str]:
        """The status, body and content type for ``path``."""
        if path == b"/metrics":
            return HTTPStatus.OK, *self._health.render(accept)
        if path == b"/healthz":
            return _status_response(HTTPStatus.OK)
        if path == b"/readyz":
            problem = self._health.problem()
            status = HTTPStatus.OK if problem is None else HTTPStatus.SERVICE_UNAVAILABLE
            return _status_response(status, problem)
        return _status_response(HTTPStatus.NOT_FOUND)


def _status_response(status: HTTPStatus, reason: str | None = None) -> tuple[HTTPStatus, bytes, str]:
    body = {"status": "ok" if status is HTTPStatus.OK else status.phrase.lower()}
    if reason is not None:
        body["reason"] = reason
    return status, json.dumps(body).encode(), "application/json"


async def _respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, router: _Router) -> None:
    async with asyncio.timeout(_HEAD_TIMEOUT_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        request_line, *headers = head.split(b"\r\n")
        method, _, rest = request_line.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        status, body, content_type = router(path, _header(headers, b"accept"))
        allow = ""
        if status is not HTTPStatus.NOT_FOUND and method not in {b"GET", b"HEAD"}:
            status, body, content_type = _status_response(HTTPStatus.METHOD_NOT_ALLOWED)
            allow = "Allow: GET, HEAD\r\n"
        writer.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\n{allow}Content-Type: {content_type}\r\n"
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
