"""Who changes a message, and whether they may."""

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.domain.names import name_keys
from opsroom_chat.members.bot_owners import owner_of
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts.chat.models import Member, MemberStatus, User
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.chat.rooms import MaySendReply, MaySendRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Identity, granted_identity, is_bot


class People:
    """Checks the people behind requests."""

    def __init__(self, members: MemberRepository, access: RoomAccess, clock: Clock) -> None:
        self._members = members
        self._access = access
        self._clock = clock

    async def may_send(self, user_id: str, room: str) -> tuple[User, int | None]:
        """Check that a person may send to ``room``: what others see needs the same rights as a message.

        Returns the person, and the sequence of ``MEMBERS`` as ``RoomAccess.check_may_send`` returns it.

        Raises:
            FaultError: ``room_unknown``, ``forbidden``, ``user_unknown``, ``muted``, ``banned``.
            UnavailableError: this process is too far behind.
        """
        members_seq = await self._access.check_may_send(user_id, room)
        member = await self._member(user_id)
        self._check(member.user.name, granted_identity(member.grant))
        if is_bot(user_id):
            self._check(*await owner_of(self._members, member.user))
        return member.user, members_seq

    async def answer(self, request: MaySendRequest) -> MaySendReply:
        """Handler of ``chat.may-send``, which services ask before they say something for a person.

        Raises:
            FaultError, UnavailableError: as :meth:`may_send`.
        """
        user, _ = await self.may_send(request.user_id, request.room)
        return MaySendReply(user=user)

    def _check(self, name: str, identity: Identity | None) -> None:
        """Refuse who is muted or banned."""
        restrictions, now = self._members.index.restrictions, self._clock()
        held = restrictions.mute_of(name, now, identity) or restrictions.ban_of(name, now, identity)
        if held is not None:
            raise refusal(held)

    async def may_read(self, user_id: str, room: str) -> User:
        """Check that a person may read ``room``.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``.
            UnavailableError: this process is too far behind.
        """
        await self._access.check_may_read(user_id, room)
        return (await self._member(user_id)).user

    async def _member(self, user_id: str) -> Member:
        member = await self._members.find(user_id, lambda found: has_name(self._members.index, found))
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, f"no user has the id {user_id} now", field="userId")
        return member


def has_name(index: MemberIndex, member: Member) -> bool:
    """Whether a member has their name: that of a person who is away is free, but nobody may have taken it.

    Who has left has given it up.
    """
    if member.status is not MemberStatus.AWAY:
        return True
    return not member.exited and index.holders(name_keys(member.user.name)) <= {member.user.id}
