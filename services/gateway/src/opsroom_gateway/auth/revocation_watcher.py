"""Closes connections whose authorization was revoked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.requests import HTTPConnection

from opsroom_contracts.chat.models import Member
from opsroom_contracts.errors import FaultError
from opsroom_contracts.identity import Action, Mode
from opsroom_gateway.auth.authorization import Authorizer, Principal

_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Watched:
    """``principal``: None in ``open`` mode, where only the device counts."""

    principal: Principal | None
    action: Action
    close: Callable[[], None]
    user_id: str | None
    token_digest: str | None


class RevocationWatcher:
    """Watches this process's sockets and streams of authenticated clients.

    Watch a reader before its first await after the authentication, so that nothing is sent to it after a
    revocation. Then call ``recheck``: the token may have been revoked between its check and the watch.
    """

    def __init__(self, access: Authorizer) -> None:
        self._access = access
        self._watched: dict[object, _Watched] = {}
        self._by_user: dict[str, set[object]] = {}

    def watch(self, reader: object, principal: Principal, action: Action, close: Callable[[], None]) -> None:
        """Call ``close`` once ``principal`` may no longer do ``action``, which may be now."""
        if self._access.mode is not Mode.OPEN:
            user_id = None if principal.user is None else principal.user.id
            self._add(reader, _Watched(principal, action, close, user_id, principal.token_digest))
            self._check(reader)

    def watch_device(
        self, reader: object, member: Member | None, token_digest: str, close: Callable[[], None]
    ) -> None:
        """In ``open`` mode, call ``close`` once the device with this token is signed out, or now."""
        if self._access.mode is not Mode.OPEN or member is None:
            return
        self._add(reader, _Watched(None, Action.CHAT, close, member.user.id, token_digest))
        self.on_member(member, 0)

    async def recheck(self, reader: object, connection: HTTPConnection) -> None:
        """Authenticate a watched reader again by its request, and close it if that fails."""
        watched = self._watched.get(reader)
        if watched is None or watched.principal is None or watched.principal.user is None:
            return
        try:
            await self._access.authorize(connection, watched.action)
        except FaultError:
            self._close(reader)

    def unwatch(self, reader: object) -> None:
        """Stop watching a reader, which has disconnected."""
        self._remove(reader)

    def on_member(self, member: Member, _seq: int) -> None:
        """Close connections of a member's devices that are signed out, or whose role no longer suffices."""
        for reader in list(self._by_user.get(member.user.id, ())):
            watched = self._watched[reader]
            device = None if watched.token_digest is None else member.device(watched.token_digest)
            if device is None:
                self._close(reader)
            elif watched.principal is not None and watched.principal.grant != device.grant:
                changed = replace(watched.principal, grant=device.grant)
                self._watched[reader] = replace(watched, principal=changed)
                self._check(reader)

    async def run(self) -> None:
        """Check periodically until cancelled: grants expire, and static tokens are removed."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            for reader in list(self._watched):
                self._check(reader)

    def _check(self, reader: object) -> None:
        watched = self._watched[reader]
        if watched.principal is None:
            return
        if not self._access.is_still_allowed(watched.principal, watched.action):
            self._close(reader)

    def _close(self, reader: object) -> None:
        watched = self._remove(reader)
        if watched is not None:
            watched.close()

    def _add(self, reader: object, watched: _Watched) -> None:
        self._watched[reader] = watched
        if watched.user_id is not None:
            self._by_user.setdefault(watched.user_id, set()).add(reader)

    def _remove(self, reader: object) -> _Watched | None:
        watched = self._watched.pop(reader, None)
        if watched is not None and watched.user_id is not None:
            readers = self._by_user[watched.user_id]
            readers.discard(reader)
            if not readers:
                del self._by_user[watched.user_id]
        return watched
