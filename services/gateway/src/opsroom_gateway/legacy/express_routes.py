"""Routes that match paths as the old servers did, whose framework was Express."""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

Endpoint = Callable[[Request], Awaitable[Response]]


def express_route(path: str, endpoint: Endpoint, method: str) -> Route:
    """Return a route whose path matches in any case, with or without a trailing slash. GET includes HEAD."""
    route = Route(path, endpoint, methods=[method])
    pattern = route.path_regex.pattern.removesuffix("$").removesuffix("/")
    route.path_regex = re.compile(f"{pattern}/?$", re.IGNORECASE)
    return route


def everything_else(not_found: Endpoint, socket: Callable[[WebSocket], Awaitable[None]]) -> list[BaseRoute]:
    """Return routes for all other requests, of any method, and for sockets at any path."""
    path = "/{path:path}"
    return [Route(path, _AnyMethod(not_found)), WebSocketRoute(path, socket)]


class _AnyMethod:
    """An endpoint for all methods. That of a function would be limited to GET."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)
