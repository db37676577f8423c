"""The people who answer for bots: what keeps them from sending keeps their bots from it."""

from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts.chat.models import User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Identity, granted_identity, owner_id_of_bot, owner_of_bot


async def owner_of(members: MemberRepository, bot: User) -> tuple[str, Identity | None]:
    """Return the name and the identity of a bot's owner.

    Of a static token, only gateways know the name; then it is the bot's.

    Raises:
        FaultError: ``forbidden``: the owner is gone.
        UnavailableError: the broker did not respond.
    """
    entry = members.index.member(bot.id)
    grant = None if entry is None else entry.member.grant
    owner_id = owner_id_of_bot(grant)
    if owner_id is None:
        return bot.name, owner_of_bot(grant)
    owner = await members.find(owner_id, lambda member: bool(member.grants()))
    if owner is None:
        raise refuse(ErrorCode.FORBIDDEN, "the owner of this bot is no longer here")
    return owner.user.name, granted_identity(owner.grant)
