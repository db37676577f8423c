"""The check of the ``Origin`` header, which browsers send and pages can't forge."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.error_response import reject

_PORTS = {"http": 80, "https": 443}


class OriginCheckMiddleware:
    """Rejects requests and sockets of pages whose origin is neither ours nor in ``allowed`` (``*``: any).

    Browsers let any page open WebSockets and send simple requests anywhere. Only this check keeps a foreign
    page from using a server that its user's browser can reach.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._any = "*" in allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the origin, and call the application. Preflights are left to the CORS middleware."""
        if scope["type"] not in {"http", "websocket"} or self._any or scope.get("method") == "OPTIONS":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or origin in self._allowed or is_same_origin(origin, headers.get("host", "")):
            await self._app(scope, receive, send)
            return
        message = f"pages of {origin[:200]} may not call this server; its operator can allow the origin"
        await reject(scope, receive, send, Fault(code=ErrorCode.ORIGIN_REFUSED, message=message))


def is_same_origin(origin: str, host: str) -> bool:
    """Return whether ``origin`` has the host and port by which the page now calls.

    The scheme is not compared: a proxy may have terminated TLS without telling us, and nobody else can serve
    plain HTTP under the same name and port.
    """
    try:
        parts = urlsplit(origin)
        own = urlsplit(f"{parts.scheme}://{host}")
        default = _PORTS.get(parts.scheme)
        return (
            default is not None
            and parts.hostname is not None
            and (parts.hostname, parts.port or default) == (own.hostname, own.port or default)
        )
    except ValueError:
        return False
