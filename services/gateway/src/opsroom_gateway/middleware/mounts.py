"""Dispatch by path prefix, outside of the application's own CORS rules and error format."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class MountMiddleware:
    """Gives requests and sockets below a mount to its application, and all others to ``app``.

    The applications are separate: no request of one runs through another one's middleware. Starlette's own
    mounts are routes, so they are inside all middleware.
    """

    def __init__(self, app: ASGIApp, mounts: Mapping[str, ASGIApp]) -> None:
        """``mounts``: an application for each first segment of a path, such as ``/chat``."""
        self._app = app
        self._mounts = mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application that the path belongs to."""
        if scope["type"] in {"http", "websocket"}:
            prefix = _first_segment(scope["path"])
            mounted = self._mounts.get(prefix)
            if mounted is not None:
                await mounted({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                return
        await self._app(scope, receive, send)


def _first_segment(path: str) -> str:
    end = path.find("/", 1)
    return path if end < 0 else path[:end]
