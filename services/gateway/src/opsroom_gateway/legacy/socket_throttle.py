"""Delays what sockets of the course contract send too fast, because its protocol has no error frames."""

import asyncio
from collections.abc import Awaitable, Callable

from opsroom_contracts.identity import Identity
from opsroom_gateway.middleware.client_address import Client
from opsroom_gateway.middleware.shared_rate_limiter import RateLimit
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

_GRACE_SECONDS = 5.0
"""How long the messages of a socket that has been closed may still wait. Those that are left are dropped."""
_CHECK_SECONDS = 0.5


class SocketThrottle:
    """The rate limit of one socket. A closed one does not wait for long: its user stays listed meanwhile."""

    __slots__ = ("_client", "_closed_at", "_connection", "_limit")

    def __init__(self, limit: RateLimit, client: Client, connection: WebSocketConnection) -> None:
        self._limit = limit
        self._client = client
        self._connection = connection
        self._closed_at: float | None = None

    async def admits(
        self, identity: Identity, before_waiting: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Wait until a message of ``identity`` may be handled. False: drop it, the socket is closed.

        ``before_waiting``: is awaited first if it has to wait.
        """
        if self._client.exempt:
            return True
        while (wait := self._limit.try_acquire(identity)) > 0:
            if before_waiting is not None:
                await before_waiting()
            if self._has_waited_enough():
                return False
            await asyncio.sleep(min(wait, _CHECK_SECONDS))
        return True

    def _has_waited_enough(self) -> bool:
        if not self._connection.ending:
            return False
        now = asyncio.get_running_loop().time()
        if self._closed_at is None:
            self._closed_at = now
        return now - self._closed_at > _GRACE_SECONDS
