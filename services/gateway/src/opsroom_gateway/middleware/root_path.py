"""The path below which a proxy publishes the portal, such as ``/opsroom``."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RootPathMiddleware:
    """Removes the prefix from the paths of requests and sockets, and adds it to redirects and ``Location``.

    A proxy may remove it itself, so paths without the prefix are valid, too. The bare prefix is redirected to
    the page: relative addresses start from the last slash.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """``prefix``: a path without a slash at its end; empty: none."""
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        prefix = self._prefix
        if not prefix or scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == prefix and scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{prefix}/?{query}" if query else f"{prefix}/")(scope, receive, send)
            return
        if path.startswith(f"{prefix}/"):
            raw_path: bytes = scope["raw_path"]
            scope["path"] = path[len(prefix) :]
            scope["raw_path"] = raw_path[len(prefix) :]  # the characters of a prefix need no escapes
        host = Headers(scope=scope).get("host", "")

        async def send_with_prefix(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = self._published(headers["location"], host)
            await send(message)

        await self._app(scope, receive, send_with_prefix)

    def _published(self, location: str, host: str) -> str:
        """Return where a proxy publishes ``location``, if it is of this server."""
        parts = urlsplit(location)
        if parts.netloc not in {"", host} or not parts.path.startswith("/"):
            return location
        return parts._replace(path=self._prefix + parts.path).geturl()
