"""Closes connections whose authorization was revoked."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.requests import HTTPConnection

from opsroom_contracts.chat.models import BotOwner, Member
from opsroom_contracts.errors import FaultError
from opsroom_contracts.identity import Action, Mode, owner_id_of_bot, owner_of_bot
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_runtime import ticks

_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Watched:
    """``principal``: None in ``open`` mode, where only the device counts."""

    principal: Principal | None
    action: Action
    close: Callable[[], None]
    user_id: str | None
    token_digest: str | None

    @property
    def users(self) -> tuple[str, ...]:
        """The ids of the members whose records count: the user, and the owner of a bot."""
        owner = None if self.principal is None else owner_id_of_bot(self.principal.grant)
        return tuple(user_id for user_id in (self.user_id, owner) if user_id is not None)


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
        """Call ``close`` once ``principal`` may no longer do ``action``, which may be now.

        In ``open`` mode only bots have something to lose.
        """
        if self._access.mode is not Mode.OPEN or owner_of_bot(principal.grant) is not None:
            user_id = None if principal.user is None else principal.user.id
            self._add(reader, _Watched(principal, action, close, user_id, principal.token_digest))
            self._check(reader)

    def watch_device(
        self, reader: object, member: Member | None, token_digest: str, close: Callable[[], None]
    ) -> None:
        """In ``open`` mode, call ``close`` once the device with this token is signed out, or now.

        A bot is watched already, with its owner.
        """
        if self._access.mode is not Mode.OPEN or member is None or reader in self._watched:
            return
        self._add(reader, _Watched(None, Action.CHAT, close, member.user.id, token_digest))
        if member.device(token_digest) is None:
            self._close(reader)

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
        """Close connections of a member's devices that are signed out, or whose role no longer suffices.

        Also those of bots of this member.
        """
        readers = self._by_user.get(member.user.id)
        if not readers:
            return
        devices = {device.token_hash: device for device in member.all_devices()}
        for reader in list(readers):
            watched = self._watched[reader]
            if watched.user_id != member.user.id:
                self._on_owner(reader, watched, member)
                continue
            device = None if watched.token_digest is None else devices.get(watched.token_digest)
            if device is None:
                self._close(reader)
            elif watched.principal is not None and watched.principal.grant != device.grant:
                changed = replace(watched.principal, grant=device.grant)
                self._watched[reader] = replace(watched, principal=changed)
                self._check(reader)

    def _on_owner(self, reader: object, watched: _Watched, owner: Member) -> None:
        if watched.principal is not None:
            found = BotOwner(user=owner.user, grants=owner.grants())
            self._watched[reader] = replace(watched, principal=replace(watched.principal, owner=found))
            self._check(reader)

    async def run(self) -> None:
        """Check periodically until cancelled: grants expire, and static tokens are removed."""
        while True:
            await ticks.sleep(_CHECK_SECONDS)
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
        for user_id in watched.users:
            self._by_user.setdefault(user_id, set()).add(reader)

    def _remove(self, reader: object) -> _Watched | None:
        watched = self._watched.pop(reader, None)
        for user_id in () if watched is None else watched.users:
            readers = self._by_user[user_id]
            readers.discard(reader)
            if not readers:
                del self._by_user[user_id]
        return watched
