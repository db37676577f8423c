"""Decides which frames of course clients, who prove nothing, may be used and relayed."""

from enum import Enum

from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion
from opsroom_contracts.identity import Mode, granted_identity
from opsroom_contracts.text import NameIndex, is_blank
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
        self._by_name: NameIndex[str] = NameIndex()

    def on_member(self, member: Member, _seq: int) -> None:
        """Apply a member's changed record."""
        user_id, name = member.user.id, member.user.name
        if member.status is not MemberStatus.AWAY:
            if user_id not in self._members:  # a user never changes their name
                self._by_name.add(name, user_id)
            self._members[user_id] = member
            return
        self._members.pop(user_id, None)
        self._by_name.discard(name, user_id)

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
            if any(member.dialect is not ProtocolVersion.COURSE for member in self._meant(text)):
                return True
        return False

    def _is_restricted(self, text: str) -> bool:
        enforcer = self._access.enforcer
        if not is_blank(text) and enforcer.restricts(text, None):
            return True
        return any(
            enforcer.restricts(member.user.name, granted_identity(member.grant))
            for member in self._meant(text)
        )

    def _meant(self, text: str) -> list[Member]:
        """Return the members with that id, or a name that counts as the same."""
        found = {text, *self._by_name.find(text)}
        return [self._members[user_id] for user_id in found if user_id in self._members]
