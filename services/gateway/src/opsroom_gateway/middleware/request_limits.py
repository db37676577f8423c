"""Limits of requests: connections per address, body size, JSON depth and upload time."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_gateway.domain.json_depth import exceeds_depth
from opsroom_gateway.middleware.client_address import client_in
from opsroom_gateway.middleware.error_response import reject
from opsroom_gateway.transport.connection import connection_in

_FULL_RETRY_SECONDS = 5.0


class AddressConnections:
    """Counts the open requests and sockets of each address, up to ``limit`` (0: no limit)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open: Counter[str] = Counter()

    def acquire(self, network: str) -> bool:
        """Count a connection of ``network``. Returns False, and counts nothing, if it is one too many."""
        if self._open[network] >= self.limit:
            return False
        self._open[network] += 1
        return True

    def release(self, network: str) -> None:
        """Count a connection less."""
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


class ConnectionsPerAddress:
    """Rejects requests and sockets of an address that has too many at once."""

    def __init__(self, app: ASGIApp, connections: AddressConnections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request or socket, and call the application."""
        limit = self._connections.limit
        if scope["type"] not in {"http", "websocket"} or not limit or client_in(scope).exempt:
            await self._app(scope, receive, send)
            return
        network = client_in(scope).network
        if not self._connections.acquire(network):
            detail = f"more than {limit} connections from {network} at once; close some and try again"
            fault = Fault(code=ErrorCode.RATE_LIMITED, message=detail, retry_after=_FULL_RETRY_SECONDS)
            await reject(scope, receive, send, fault)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            # A socket or stream may outlive the endpoint that opened it.
            connection = connection_in(scope)
            if connection is not None and connection.connected:
                connection.on_close(partial(self._connections.release, network))
            else:
                self._connections.release(network)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of a body: ``size`` in bytes, ``depth`` of its JSON, ``seconds`` until it must have arrived."""

    size: int
    depth: int
    seconds: float


class RequestBodyLimit:
    """Reads every body completely before the application sees it, and rejects it if it exceeds a limit.

    ``streamed``: paths whose ``POST`` requests the application reads itself, with its own limits. ``others``:
    the limits of paths that begin like this, instead of ``limits``.

    A request without a body is read, too: the application never sees that its client is gone while it reads.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: BodyLimits,
        streamed: frozenset[str] = frozenset(),
        others: Mapping[str, BodyLimits] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._limits = limits
        self._streamed = streamed
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and call the application."""
        if scope["type"] != "http" or self._is_streamed(scope):
            await self._app(scope, receive, send)
            return
        try:
            body = await _body(Headers(scope=scope), receive, self._limits_of(scope["path"]))
        except FaultError as error:
            await reject(scope, receive, send, error.fault)
            return
        if body is None:
            return  # the client has disconnected
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_buffered() -> Message:
            return first.pop() if first else await receive()

        await self._app(scope, receive_buffered, send)

    def _is_streamed(self, scope: Scope) -> bool:
        return scope["method"] == "POST" and scope["path"] in self._streamed

    def _limits_of(self, path: str) -> BodyLimits:
        found = (limits for prefix, limits in self._others.items() if path.startswith(prefix))
        return next(found, self._limits)


async def _body(headers: Headers, receive: Receive, limits: BodyLimits) -> bytes | None:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > limits.size:
        raise _too_large(limits.size)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > limits.size:
                    raise _too_large(limits.size)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        detail = f"the body did not arrive within {limits.seconds:g} s"
        raise refuse(ErrorCode.REQUEST_TIMEOUT, detail) from None
    if exceeds_depth(bytes(body), limits.depth):
        detail = f"the body is nested more than {limits.depth} deep"
        raise refuse(ErrorCode.INVALID_REQUEST, detail)
    return bytes(body)


def _too_large(limit: int) -> FaultError:
    return refuse(ErrorCode.PAYLOAD_TOO_LARGE, f"the body has more than {limit} bytes")
