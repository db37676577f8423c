"""Decides which frames of course clients, who prove nothing, may be used and relayed."""

from enum import Enum

from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion
from opsroom_contracts.identity import Mode, granted_identity
from opsroom_contracts.text import NAME_MAX, fold_name, visible_name
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.legacy.domain.claims import Claims, claims_in


class Verdict(Enum):
    """What may happen to a frame."""

    ALLOWED = "allowed"
    NOT_RELAYED = "not relayed"
    """It names a muted or banned user, or more names than can be checked."""
    IGNORED = "ignored"
    """It names a user with a token or a reserved name, or has a name that could look like one."""


class ImpersonationGuard:
    """Knows who holds which name. In open mode, frames may name anybody who is not muted or banned."""

    def __init__(self, access: Authorizer) -> None:
        self._access = access
        self._members: dict[str, Member] = {}
        self._by_name: dict[str, set[str]] = {}

    def on_member(self, member: Member, _seq: int) -> None:
        """Apply a member's changed record."""
        user_id, name = member.user.id, fold_name(member.user.name)
        if member.status is not MemberStatus.AWAY:
            self._members[user_id] = member
            self._by_name.setdefault(name, set()).add(user_id)
            return
        self._members.pop(user_id, None)
        holders = self._by_name.get(name, set())
        holders.discard(user_id)
        if not holders:
            self._by_name.pop(name, None)

    def check_name(self, name: str) -> None:
        """Check that the name is not reserved. The chat service checks the names of present users.

        Raises:
            FaultError: ``name_taken``.
        """
        self._access.check_name(name)

    def judge(self, data: str | bytes) -> Verdict:
        """Return what may happen to a frame. Every name that it claims counts, before any is replaced."""
        is_open, enforcer = self._access.mode is Mode.OPEN, self._access.enforcer
        if is_open and not enforcer.active:
            return Verdict.ALLOWED  # the usual case: don't read the frame
        claims = claims_in(data)
        if not is_open and (claims.unclear or claims.excessive or self._impersonates(claims)):
            return Verdict.IGNORED
        if enforcer.active and (claims.excessive or any(map(self._is_restricted, claims.texts))):
            return Verdict.NOT_RELAYED
        return Verdict.ALLOWED

    def _impersonates(self, claims: Claims) -> bool:
        for text in claims.texts:
            if not self._access.may_use_name(text):
                return True
            folded = fold_name(visible_name(text))
            if any(member.dialect is not ProtocolVersion.COURSE for member in self._meant(text, folded)):
                return True
        return False

    def _is_restricted(self, text: str) -> bool:
        enforcer, name = self._access.enforcer, visible_name(text)
        if 0 < len(name) <= NAME_MAX and enforcer.restricts(name, None):
            return True
        return any(
            enforcer.restricts(member.user.name, granted_identity(member.grant))
            for member in self._meant(text, fold_name(name))
        )

    def _meant(self, text: str, folded: str) -> list[Member]:
        """Return the members with that id or name."""
        found = {text, *self._by_name.get(folded, ())}
        return [self._members[user_id] for user_id in found if user_id in self._members]
