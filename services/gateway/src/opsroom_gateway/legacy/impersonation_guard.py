"""Where people prove who they are, the course contract, which proves nothing, speaks for none of them."""

from opsroom_contracts.chat import ProtocolVersion
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Mode
from opsroom_contracts.text import NameRuleError, clean_name, fold_name
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.domain.course_frames import names_in
from opsroom_gateway.projections.members import MemberProjection


class ImpersonationGuard:
    """Knows whose names are held by a token. In open mode the contract is served as it was written."""

    def __init__(self, members: MemberProjection, access: Authorizer) -> None:
        self._members = members
        self._access = access

    def check_name(self, name: str) -> None:
        """Pass a name that no token given out has; that no person has it, the chat service sees to.

        Raises:
            FaultError: ``name_taken``.
        """
        if self._access.mode is not Mode.OPEN and self._access.tokens.reserves_name(name):
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")

    def impersonates(self, data: str | bytes) -> bool:
        """Whether a frame names someone who holds a token: it is not relayed."""
        if self._access.mode is Mode.OPEN:
            return False
        named = names_in(data)
        folded = {_folded(text) for text in named}
        for member in self._members.members():
            proved = member.dialect is not ProtocolVersion.COURSE
            if proved and (member.user.id in named or fold_name(member.user.name) in folded):
                return True
        return any(self._access.tokens.reserves_name(text) for text in named)


def _folded(text: str) -> str:
    try:
        return fold_name(clean_name(text))
    except NameRuleError:
        return ""
