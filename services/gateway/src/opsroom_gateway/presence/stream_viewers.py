"""Viewers of streams that have a task each: they end when the viewer is banned or loses the permission."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.presence.restriction_enforcer import is_ban

log = logging.getLogger(__name__)


class StreamViewer:
    """One viewer. ``ended``: its stream must end. ``changed`` is set then, and whenever there is news."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.ended = False
        self._callbacks: list[Callable[[], None]] = []

    def end(self) -> None:
        """End the stream."""
        self.ended = True
        self.changed.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until there is news. Returns False if there was none for ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                return await self.changed.wait()
        except TimeoutError:
            return False

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the stream has ended."""
        self._callbacks.append(callback)

    def on_restriction(self, restriction: RestrictionFields) -> None:
        """End the stream of a banned viewer."""
        if is_ban(restriction):
            self.end()

    def closed(self) -> None:
        """Call the callbacks."""
        for callback in self._callbacks:
            callback()


class StreamViewers:
    """The viewers of one sort of stream, at most ``limit`` at once. ``what``: the streams, in errors."""

    def __init__(self, access: Authorizer, revocations: RevocationWatcher, what: str) -> None:
        self._access = access
        self._revocations = revocations
        self._what = what
        self._viewers: set[StreamViewer] = set()

    def stop(self) -> None:
        """End all streams."""
        for viewer in self._viewers:
            viewer.end()

    def open(self, request: HTTPConnection, principal: Principal, action: Action, limit: int) -> StreamViewer:
        """Return a viewer who may do ``action`` as long as its stream goes on. It must be closed.

        Raises:
            FaultError: ``overloaded``: there are already ``limit`` streams; ``banned``.
        """
        if len(self._viewers) >= limit:
            message = f"the limit of {limit} {self._what} is reached; try again"
            raise refuse(ErrorCode.OVERLOADED, message)
        viewer = StreamViewer()
        name = None if principal.auth_method is AuthMethod.NONE else principal.name
        self._access.enforcer.watch(
            viewer, client_of(request), name, viewer.on_restriction, principal.identity
        )
        self._viewers.add(viewer)
        self._revocations.watch(viewer, principal, action, viewer.end)
        return viewer

    async def recheck(self, viewer: StreamViewer, request: HTTPConnection) -> None:
        """End the stream if the token was revoked between its check and the beginning of the watch."""
        await self._revocations.recheck(viewer, request)

    def close(self, viewer: StreamViewer) -> None:
        """Forget a viewer whose stream has ended. May be called again."""
        if viewer in self._viewers:
            self._viewers.discard(viewer)
            self._revocations.unwatch(viewer)
            viewer.closed()


class ViewerResponse(EventSourceResponse):
    """A stream; ``on_close`` is called when its response has ended, also if it never began.

    ``send_seconds``: how long the client may take to accept one event before the connection is closed.
    """

    def __init__(
        self, content: AsyncIterator[object], on_close: Callable[[], None], send_seconds: float
    ) -> None:
        super().__init__(content, send_timeout=send_seconds)
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("closed a stream whose client has not read for %g s", self.send_timeout or 0.0)
        finally:
            self._on_close()
