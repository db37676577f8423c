"""Closes connections whose authorization was revoked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from opsroom_contracts.chat.models import Member
from opsroom_contracts.errors import FaultError
from opsroom_contracts.identity import Action, Mode
from opsroom_gateway.auth.authorization import Authorizer, Principal

_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Watched:
    principal: Principal
    action: Action
    close: Callable[[], None]


class RevocationWatcher:
    """Watches this process's sockets and streams of authenticated clients.

    Watch a reader before its first await after the authentication, so that nothing is sent to it after a
    revocation. Then call ``recheck``: the token may have been revoked between its check and the watch.
    """

    def __init__(self, access: Authorizer) -> None:
        self._access = access
        self._watched: dict[object, _Watched] = {}

    def watch(self, reader: object, principal: Principal, action: Action, close: Callable[[], None]) -> None:
        """Call ``close`` once ``principal`` may no longer do ``action``, which may be now."""
        if self._access.mode is not Mode.OPEN:
            self._watched[reader] = _Watched(principal, action, close)
            self._check(reader)

    async def recheck(self, reader: object, connection: HTTPConnection) -> None:
        """Authenticate a watched reader again by its request, and close it if that fails."""
        watched = self._watched.get(reader)
        if watched is None or watched.principal.user is None:
            return
        try:
            await self._access.authorize(connection, watched.action)
        except FaultError:
            self._close(reader)

    def unwatch(self, reader: object) -> None:
        """Stop watching a reader, which has disconnected."""
        self._watched.pop(reader, None)

    def on_member(self, member: Member, _seq: int) -> None:
        """Close a member's connections if their token was revoked."""
        for reader, watched in list(self._watched.items()):
            user = watched.principal.user
            theirs = user is not None and user.id == member.user.id
            if theirs and member.token_hash != watched.principal.token_digest:
                self._close(reader)

    async def run(self) -> None:
        """Check periodically until cancelled: grants expire, and static tokens are removed."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            for reader in list(self._watched):
                self._check(reader)

    def _check(self, reader: object) -> None:
        watched = self._watched[reader]
        if not self._access.is_still_allowed(watched.principal, watched.action):
            self._close(reader)

    def _close(self, reader: object) -> None:
        watched = self._watched.pop(reader, None)
        if watched is not None:
            watched.close()
