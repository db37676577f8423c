"""Dispatch by path prefix or by port, outside of the application's own CORS rules and error format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Mounts:
    """Applications beside the gateway's own.

    ``paths``: by the first segment of a path in lower case, such as ``/chat``.
    ``ports``: by the port to which the client has connected; all of its paths belong to the application.
    """

    paths: Mapping[str, ASGIApp] = field(default_factory=dict)
    ports: Mapping[int, ASGIApp] = field(default_factory=dict)


class MountMiddleware:
    """Gives requests and sockets below a mount to its application, and all others to ``app``.

    The applications are separate: no request of one runs through another one's middleware. Starlette's own
    mounts are routes, so they are inside all middleware.
    """

    def __init__(self, app: ASGIApp, mounts: Mounts) -> None:
        self._app = app
        self._mounts = mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application that the port or the path belongs to."""
        if scope["type"] in {"http", "websocket"}:
            if self._mounts.ports:
                _, port = scope.get("server") or ("", None)
                alone = None if port is None else self._mounts.ports.get(port)
                if alone is not None:
                    await alone(scope, receive, send)
                    return
            prefix = _first_segment(scope["path"])
            mounted = self._mounts.paths.get(prefix.lower())
            if mounted is not None:
                await mounted({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                return
        await self._app(scope, receive, send)


def _first_segment(path: str) -> str:
    end = path.find("/", 1)
    return path if end < 0 else path[:end]
