"""HTTP helpers of both course mounts: the old servers' CORS, and bodies of any content type."""

import hashlib
import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_gateway.middleware.client_address import client_of

_METHODS = "GET, POST, PATCH, DELETE, OPTIONS"


class BodyError(ValueError):
    """An invalid body; the message says why."""


async def json_body(request: Request) -> Any:
    """Return the body as JSON, regardless of its content type.

    Raises:
        BodyError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BodyError("The body must be JSON.") from None


def origin_of(connection: HTTPConnection) -> str:
    """Return a digest of the client's address and browser."""
    host = client_of(connection).address
    agent = connection.headers.get("user-agent", "")
    return hashlib.sha256(f"{host}\n{agent}".encode()).hexdigest()[:32]


class CourseCorsMiddleware:
    """Responds to preflights with 204 and the requested headers; lets allowed origins read all responses."""

    def __init__(self, app: ASGIApp, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a preflight, or call the application and add CORS headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cors = self._cors(headers.get("origin"))
        if scope["method"] == "OPTIONS":
            asked = headers.get("access-control-request-headers")
            if asked is not None:
                cors["Access-Control-Allow-Headers"] = asked
            cors["Access-Control-Allow-Methods"] = _METHODS
            await Response(status_code=204, headers=cors)(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(cors)
            await send(message)

        await self._app(scope, receive, send_with_cors)

    def _cors(self, origin: str | None) -> dict[str, str]:
        if "*" in self._allowed:
            return {"Access-Control-Allow-Origin": "*"}
        if origin in self._allowed and origin is not None:
            return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        return {"Vary": "Origin"}


class CorsMiddleware:
    """CORS of both APIs; the course mounts keep the old servers' behavior.

    It is outermost, so that error responses of other middleware have CORS headers as well.
    """

    def __init__(self, app: ASGIApp, mounts: tuple[str, ...], allowed_origins: tuple[str, ...]) -> None:
        self._course = CourseCorsMiddleware(app, allowed_origins)
        self._mounts = tuple(mount + "/" for mount in mounts)
        self._with_cors = CORSMiddleware(
            app,
            allow_origins=allowed_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Location", "Retry-After"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the CORS rules of the API that is called."""
        mounted = scope["type"] in {"http", "websocket"} and scope["path"].startswith(self._mounts)
        await (self._course if mounted else self._with_cors)(scope, receive, send)


class TrailingSlashMiddleware:
    """Adds the trailing slash to a bare mount path, because clients call ``/chat`` as well as ``/chat/``."""

    def __init__(self, app: ASGIApp, mounts: tuple[str, ...]) -> None:
        self._app = app
        self._mounts = frozenset(mounts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path if necessary, and call the application."""
        if scope["type"] in {"http", "websocket"} and scope["path"] in self._mounts:
            path = scope["path"] + "/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
