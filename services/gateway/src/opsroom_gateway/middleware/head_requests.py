"""HEAD requests: they are served wherever GET is (RFC 9110, 9.3.2)."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCOPE_KEY: Final = "opsroom.head"


class HeadMiddleware:
    """Gives HEAD requests to the application as GET, and ends the response after its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                # From now on the application receives a disconnect, which ends a stream.
                await send({"type": "http.response.body"})

        # A copy: the protocol still has to know the method.
        await self._app({**scope, "method": "GET", _SCOPE_KEY: True}, receive, send_head)


def is_head_request(scope: Scope) -> bool:
    """Return whether the response to a request has no body, so that a stream must end at once."""
    return _SCOPE_KEY in scope or scope["method"] == "HEAD"
