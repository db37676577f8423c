"""Lets go of readers who were let in and may not be there any longer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from opsroom_contracts.chat import Member
from opsroom_contracts.identity import Action, Mode
from opsroom_gateway.auth.authorization import Access, Principal

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Watched:
    principal: Principal
    action: Action
    close: Callable[[], None]


class RevocationWatcher:
    """Knows the sockets and streams of this process that somebody's proof opened."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._kept: dict[object, _Watched] = {}

    def watch(self, reader: object, principal: Principal, action: Action, close: Callable[[], None]) -> None:
        """Call ``close`` once ``principal`` may not do ``action`` any more."""
        if self._access.mode is not Mode.OPEN:
            self._kept[reader] = _Watched(principal, action, close)

    def unwatch(self, reader: object) -> None:
        """The reader is gone by itself."""
        self._kept.pop(reader, None)

    def on_member(self, member: Member, _seq: int) -> None:
        """A person's record changed: one whose token was revoked has no streams any more."""
        for reader, kept in list(self._kept.items()):
            user = kept.principal.user
            theirs = user is not None and user.id == member.user.id
            if theirs and member.token_hash != kept.principal.token_digest:
                self._end(reader)

    async def run(self) -> None:
        """Look again and again until cancelled: grants run out, and tokens are withdrawn."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for reader, kept in list(self._kept.items()):
                if not self._access.is_still_allowed(kept.principal, kept.action):
                    self._end(reader)

    def _end(self, reader: object) -> None:
        kept = self._kept.pop(reader, None)
        if kept is not None:
            kept.close()
