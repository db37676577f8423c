"""The handler that makes bots, and the people who answer for them."""

from dataclasses import dataclass

from opsroom_chat.domain import bots, tokens
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change
from opsroom_chat.members.presence_handlers import Clock, checked_name
from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts.chat.bots import BOTS_PER_OWNER_MAX, CreateBotReply, CreateBotRequest
from opsroom_contracts.chat.models import Member, User
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Grant, bot_source, owner_of_bot
from opsroom_contracts.serialization.model import to_milliseconds


@dataclass(frozen=True, slots=True)
class BotHandlers:
    """Makes bots. They are removed like other users, by revoking their token."""

    members: MemberRepository
    clock: Clock

    async def create(self, request: CreateBotRequest) -> CreateBotReply:
        """Hold a name for a bot, and make its token. The same owner and name are the same bot.

        Raises:
            FaultError: ``name_invalid``, ``name_taken``; ``invalid_request``: the owner has too many.
        """
        name, now = checked_name(request.name), to_milliseconds(self.clock())
        index = self.members.index
        if index.owner_of_name(name, now) is not None:
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")
        known = self._held_by_bot_of(request.owner, name)
        if known is None and index.bots_of(request.owner) >= BOTS_PER_OWNER_MAX:
            message = f"the limit of {BOTS_PER_OWNER_MAX} bots of one owner is reached: remove some first"
            raise refuse(ErrorCode.INVALID_REQUEST, message)
        user = known or User(id=tokens.bot_id_for(request.request_id), name=name)
        token = tokens.make_token(user.id, tokens.link_secret_for(request.request_id))
        grant = Grant(role=request.role, source=bot_source(request.owner))

        def decide(stored: Member | None) -> Change:
            return bots.create(stored, user, tokens.token_hash(token), grant, now)

        member, seq = await self.members.change(user.id, decide)
        return CreateBotReply(user=user if member is None else member.user, token=token, seq=seq)

    def _held_by_bot_of(self, owner: str, name: str) -> User | None:
        index = self.members.index
        for user_id in index.holders(name_keys(name)):
            entry = index.member(user_id)
            if entry is not None and owner_of_bot(entry.member.grant) == owner:
                return entry.member.user
        return None
