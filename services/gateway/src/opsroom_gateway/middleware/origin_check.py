"""Which pages may call: a browser says where a page comes from, and what it can't forge is believed."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_gateway.middleware.error_response import reject

_PORTS = {"http": 80, "https": 443}


class OriginCheckMiddleware:
    """Refuses requests and sockets of pages from elsewhere than ``allowed`` (``*``: anywhere) or here.

    Browsers let any page open a WebSocket to anywhere and send simple requests unasked; only this check
    keeps a stranger's page from using what a person's browser can reach.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._any = "*" in allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket; a preflight is answered by CORS itself."""
        if scope["type"] not in {"http", "websocket"} or self._any or scope.get("method") == "OPTIONS":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or origin in self._allowed or is_same_origin(origin, headers.get("host", "")):
            await self._app(scope, receive, send)
            return
        words = f"pages of {origin[:200]} may not call this server; its operator can allow them"
        await reject(scope, receive, send, Fault(code=ErrorCode.ORIGIN_REFUSED, message=words))


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` was served under the name by which it now calls.

    The scheme is left aside: a proxy that speaks TLS may not have said so, and no one else can serve
    plain HTTP under that name and port.
    """
    try:
        parts = urlsplit(origin)
        called = urlsplit(f"{parts.scheme}://{host}")
        default = _PORTS.get(parts.scheme)
        return (
            default is not None
            and parts.hostname is not None
            and (parts.hostname, parts.port or default) == (called.hostname, called.port or default)
        )
    except ValueError:
        return False
