"""Error responses from middleware, in the format of the API that the request is for."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from opsroom_contracts.errors import Fault
from opsroom_gateway.api.problem_details import problem_response

_SCOPE_KEY: Final = "opsroom.error_renderer"

ErrorRenderer = Callable[[Fault], Response]
"""Returns a fault as a response in the error format of one API."""


class ErrorFormatMiddleware:
    """Makes ``reject`` use ``render`` below this middleware, instead of problem details."""

    def __init__(self, app: ASGIApp, render: ErrorRenderer) -> None:
        self._app = app
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the renderer into the scope, and call the application."""
        scope[_SCOPE_KEY] = self._render
        await self._app(scope, receive, send)


async def reject(scope: Scope, receive: Receive, send: Send, fault: Fault) -> None:
    """Respond with ``fault``; a WebSocket handshake is rejected."""
    render: ErrorRenderer = scope.get(_SCOPE_KEY, problem_response)
    response = render(fault)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(Request(scope).scope, receive, send)
