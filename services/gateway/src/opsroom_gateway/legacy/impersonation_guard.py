"""Prevents unauthenticated course clients from impersonating authenticated users."""

from opsroom_contracts.chat.models import ProtocolVersion
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Mode
from opsroom_contracts.text import NameRuleError, clean_name, fold_name
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.legacy.domain.frames import names_in
from opsroom_gateway.projections.members import MemberProjection


class ImpersonationGuard:
    """Knows the names of authenticated users. It allows everything in open mode."""

    def __init__(self, members: MemberProjection, access: Authorizer) -> None:
        self._members = members
        self._access = access

    def check_name(self, name: str) -> None:
        """Check that no static token has the name. The chat service checks the names of present users.

        Raises:
            FaultError: ``name_taken``.
        """
        if self._access.mode is not Mode.OPEN and self._access.tokens.reserves_name(name):
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")

    def impersonates(self, data: str | bytes) -> bool:
        """Return whether a frame names an authenticated user; such a frame is not relayed."""
        if self._access.mode is Mode.OPEN:
            return False
        named = names_in(data)
        folded = {_folded(text) for text in named}
        for member in self._members.members():
            authenticated = member.dialect is not ProtocolVersion.COURSE
            if authenticated and (member.user.id in named or fold_name(member.user.name) in folded):
                return True
        return any(self._access.tokens.reserves_name(text) for text in named)


def _folded(text: str) -> str:
    try:
        return fold_name(clean_name(text))
    except NameRuleError:
        return ""
