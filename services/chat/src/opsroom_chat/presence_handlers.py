"""What can be asked about people: register, join, leave, who is there, whose token is this."""

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from opsroom_chat.domain import presence as people
from opsroom_chat.domain import tokens
from opsroom_chat.domain.presence import Change, GracePeriods, Registration
from opsroom_chat.member_repository import MemberRepository
from opsroom_contracts.chat import (
    JoinReply,
    JoinRequest,
    LeaveReply,
    LeaveRequest,
    Member,
    MemberStatus,
    ProtocolVersion,
    RegisterReply,
    RegisterRequest,
    User,
    UsersReply,
    UsersRequest,
    WhoamiReply,
    WhoamiRequest,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.moderation import RevokeReply, RevokeRequest
from opsroom_contracts.restrictions import refusal
from opsroom_contracts.text import NameRuleError, clean_name

Clock = Callable[[], datetime]


class PresenceHandlers:
    """Answers requests about people."""

    def __init__(self, members: MemberRepository, graces: GracePeriods, clock: Clock) -> None:
        self._members = members
        self._graces = graces
        self._clock = clock

    async def register(self, request: RegisterRequest) -> RegisterReply:
        """Give a name to a newcomer.

        Raises:
            FaultError: ``name_invalid``, ``name_taken``, ``banned``.
        """
        user_id = tokens.user_id_for(request.client_id) if request.client_id else str(uuid4())
        user = User(id=user_id, name=_checked_name(request.name))
        self._refuse_banned(user)
        token = None
        if request.dialect is ProtocolVersion.V1:
            fresh = secrets.token_urlsafe(tokens.SECRET_BYTES)
            token = tokens.make_token(user_id, tokens.secret_for(request.client_id, fresh))
        newcomer = Registration(
            user=user,
            dialect=request.dialect,
            token_hash=None if token is None else tokens.token_hash(token),
            origin=request.origin,
            connection=request.connection,
            grant=request.grant,
        )

        def decide(known: Member | None) -> Change:
            if known is not None and (known.user, known.dialect) != (user, request.dialect):
                words = "this id has registered somebody else before"
                raise refuse(ErrorCode.IDEMPOTENCY_MISMATCH, words, field="clientId")
            return people.register(newcomer, known, self._clock(), self._graces)

        _, seq = await self._members.change(user_id, decide)
        return RegisterReply(user=user, token=token, seq=seq)

    async def join(self, request: JoinRequest) -> JoinReply:
        """Add a connection.

        Raises:
            FaultError: ``token_invalid``, ``user_unknown``, ``name_taken`` (someone took it meanwhile),
                ``banned``.
        """
        user_id = _plausible_owner(request.token) if request.token is not None else request.user_id
        if user_id is None:
            raise refuse(ErrorCode.INVALID_REQUEST, "token or userId must be given", field="token")

        def decide(known: Member | None) -> Change | None:
            member = self._vouched(known, request, user_id)
            self._refuse_banned(member.user)
            return people.join(member, request.connection, request.origin, self._clock())

        member, seq = await self._members.change(user_id, decide)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, "no such person")
        return JoinReply(user=member.user, seq=seq)

    async def leave(self, request: LeaveRequest) -> LeaveReply:
        """Take connections away; taking what is not there changes nothing."""

        def decide(known: Member | None) -> Change | None:
            if known is None:
                return None
            gone = frozenset(request.connections)
            return people.leave(known, gone, request.manner, self._clock(), self._graces)

        _, seq = await self._members.change(request.user_id, decide)
        return LeaveReply(seq=seq)

    async def users(self, _request: UsersRequest) -> UsersReply:
        """Who is on the list."""
        return UsersReply(users=tuple(self._members.index.listed()))

    async def whoami(self, request: WhoamiRequest) -> WhoamiReply:
        """Whose token it is.

        Raises:
            FaultError: ``token_invalid``.
        """
        owner = await self._members.find(
            _plausible_owner(request.token), lambda member: tokens.proves(request.token, member.token_hash)
        )
        if owner is None:
            raise _bad_token()
        return WhoamiReply(user=owner.user, grant=owner.grant)

    async def revoke(self, request: RevokeRequest) -> RevokeReply:
        """Make a person's token worth nothing; doing it again changes nothing.

        Raises:
            FaultError: ``user_unknown``.
        """

        def decide(known: Member | None) -> Change | None:
            if known is None or known.dialect is not ProtocolVersion.V1:
                words = f"nobody with a token has the id {request.user_id}"
                raise refuse(ErrorCode.USER_UNKNOWN, words, field="userId")
            return people.revoke(known)

        member, seq = await self._members.change(request.user_id, decide)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, "no such person")
        return RevokeReply(user=member.user, seq=seq)

    def _refuse_banned(self, user: User) -> None:
        ban = self._members.index.restrictions.ban_of_name(user.name, self._clock())
        if ban is not None:
            raise refusal(ban)

    def _vouched(self, known: Member | None, request: JoinRequest, user_id: str) -> Member:
        if request.token is not None:
            if known is None or not tokens.proves(request.token, known.token_hash):
                raise _bad_token()
            return known
        if known is not None and known.dialect is request.dialect:
            return known
        if known is not None or request.name is None or request.dialect is not ProtocolVersion.COURSE:
            raise refuse(ErrorCode.USER_UNKNOWN, f"no person has the id {user_id}", field="userId")
        # A course client that lost its connection for long comes back under the id and name it had.
        user = User(id=user_id, name=_checked_name(request.name))
        newcomer = Registration(user, ProtocolVersion.COURSE, None, request.origin, request.connection)
        return people.register(newcomer, None, self._clock(), self._graces).member.model_copy(
            update={"status": MemberStatus.AWAY, "connections": ()}
        )


def _checked_name(raw: str) -> str:
    try:
        return clean_name(raw)
    except NameRuleError as error:
        raise refuse(ErrorCode.NAME_INVALID, str(error), field="name") from None


def _plausible_owner(token: str) -> str:
    owner = tokens.owner_of(token)
    if not owner or not all(char.isascii() and (char.isalnum() or char == "-") for char in owner):
        raise _bad_token()
    return owner


def _bad_token() -> FaultError:
    return refuse(ErrorCode.TOKEN_INVALID, "the token is not valid (any more): register again", field="token")
