"""Rules of bots: members with one token, whose name is held until they are removed.

Pure functions: each takes the current record and returns the new one.
"""

from datetime import datetime

from opsroom_chat.domain.presence import Change, NameClaimChange
from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion, User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Grant, owner_of_bot


def create(known: Member | None, user: User, token_hash: str, grant: Grant, now: datetime) -> Change:
    """Hold the name for a bot, or give a bot of the same owner another role and another token.

    Raises:
        FaultError: ``name_taken``: it is the bot of another owner.
    """
    if known is None or known.status is MemberStatus.AWAY:
        held = Member(
            user=user,
            dialect=ProtocolVersion.V1,
            status=MemberStatus.RESERVED,
            joined_at=now,
            token_hash=token_hash,
            grant=grant,
        )
        return Change(held, NameClaimChange.CLAIM)
    if owner_of_bot(known.grant) != owner_of_bot(grant):
        raise refuse(ErrorCode.NAME_TAKEN, f"The name {user.name!r} is already taken.", field="name")
    return Change(known.model_copy(update={"token_hash": token_hash, "grant": grant, "devices": ()}))
