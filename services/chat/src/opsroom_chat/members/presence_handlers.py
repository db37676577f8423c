"""Handlers of presence: register, join, leave, list users, verify and revoke tokens."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import uuid4

from opsroom_chat.domain import devices, presence, tokens
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, GracePeriods, Registration
from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts import endpoints
from opsroom_contracts.chat.devices import Device
from opsroom_contracts.chat.models import (
    BotOwner,
    JoinBatchReply,
    JoinBatchRequest,
    JoinReply,
    JoinRequest,
    JoinResult,
    LeaveReply,
    LeaveRequest,
    Member,
    MemberStatus,
    RegisterReply,
    RegisterRequest,
    User,
    UserPage,
    UsersRequest,
    WhoamiReply,
    WhoamiRequest,
)
from opsroom_contracts.chat.moderation import RevokeReply, RevokeRequest
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Grant, granted_identity, owner_id_of_bot
from opsroom_contracts.text import NameRuleError, clean_name
from opsroom_messaging.client.microservice import fault_of

Clock = Callable[[], datetime]


class PresenceHandlers:
    """Handlers of requests about users and their connections."""

    def __init__(self, members: MemberRepository, grace_periods: GracePeriods, clock: Clock) -> None:
        self._members = members
        self._grace_periods = grace_periods
        self._clock = clock

    async def register(self, request: RegisterRequest) -> RegisterReply:
        """Register a user under a name, or sign in one more device of a person with a credential.

        Raises:
            FaultError: ``name_invalid``, ``name_taken``, ``banned``.
        """
        name = checked_name(request.name)
        person_id = self._person_id(name, request.grant)
        fresh_id = tokens.user_id_for(request.client_id) if request.client_id else str(uuid4())
        user_id = person_id or fresh_id
        user = User(id=user_id, name=name)
        self._reject_banned(user, request.grant)
        self._reject_foreign_name(user, request.grant)
        token = None
        if request.dialect.has_tokens:
            fresh = secrets.token_urlsafe(tokens.SECRET_BYTES)
            token = tokens.make_token(user_id, tokens.secret_for(request.client_id, fresh))
        registration = Registration(
            user=user,
            dialect=request.dialect,
            token_hash=None if token is None else tokens.token_hash(token),
            origin=request.origin,
            connection=request.connection,
            grant=request.grant,
        )

        def decide(known: Member | None) -> Change | None:
            if person_id is not None and known is not None and registration.token_hash is not None:
                device = Device(token_hash=registration.token_hash, grant=request.grant)
                return devices.sign_in(known, user, device, self._clock(), self._grace_periods)
            if known is not None and (known.user, known.dialect) != (user, request.dialect):
                message = "this id was used before to register another user"
                raise refuse(ErrorCode.IDEMPOTENCY_MISMATCH, message, field="clientId")
            return presence.register(registration, known, self._clock(), self._grace_periods)

        member, seq = await self._members.change(user_id, decide)
        return RegisterReply(user=user if member is None else member.user, token=token, seq=seq)

    def _person_id(self, name: str, grant: Grant | None) -> str | None:
        """Return the id of the person with the credential behind ``grant`` under ``name``; None without one.

        Members of an earlier release have other ids, which they keep.
        """
        identity = granted_identity(grant)
        if identity is None:
            return None
        keys, index = name_keys(name), self._members.index
        entries = [entry for holder in index.holders(keys) if (entry := index.member(holder)) is not None]
        held = [one.member.user.id for one in entries if granted_identity(one.member.grant) == identity]
        return held[0] if held else tokens.person_id(identity, keys[0])

    async def join(self, request: JoinRequest) -> JoinReply:
        """Add a connection.

        Raises:
            FaultError: ``token_invalid``, ``user_unknown``, ``banned``, ``name_taken`` (another user has
                taken the name since).
        """
        user_id = owner_id(request.token) if request.token is not None else request.user_id
        if user_id is None:
            raise refuse(ErrorCode.INVALID_REQUEST, "token or userId is required", field="token")

        def decide(known: Member | None) -> Change | None:
            member = self._authenticated_member(known, request, user_id)
            self._reject_banned(member.user, member.grant)
            if member.status is MemberStatus.AWAY:
                self._reject_foreign_name(member.user, member.grant)
            return presence.join(member, request.connection, request.origin, self._clock())

        member, seq = await self._members.change(user_id, decide)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, "there is no such user")
        return JoinReply(user=member.user, seq=seq)

    async def leave(self, request: LeaveRequest) -> LeaveReply:
        """Remove connections; unknown ones are ignored."""

        def decide(known: Member | None) -> Change | None:
            if known is None:
                return None
            gone = frozenset(request.connections)
            return presence.leave(known, gone, request.manner, self._clock(), self._grace_periods)

        _, seq = await self._members.change(request.user_id, decide)
        return LeaveReply(seq=seq)

    async def users(self, request: UsersRequest) -> UserPage:
        """Return a page of the user list."""
        users, following = self._members.index.user_page(request.after, request.limit)
        return UserPage(users=users, next=following, epoch=self._members.epoch)

    async def whoami(self, request: WhoamiRequest) -> WhoamiReply:
        """Return the owner of a token.

        Raises:
            FaultError: ``token_invalid``.
        """
        owner = await self._members.find(
            owner_id(request.token), lambda member: tokens.device_of(member, request.token) is not None
        )
        device = None if owner is None else tokens.device_of(owner, request.token)
        if owner is None or device is None:
            raise _invalid_token()
        return WhoamiReply(user=owner.user, grant=device.grant, owner=await self._owner_of(device.grant))

    async def _owner_of(self, grant: Grant | None) -> BotOwner | None:
        """Return the person whose bot has ``grant``, with what their devices may do."""
        owner_id = owner_id_of_bot(grant)
        if owner_id is None:
            return None
        owner = await self._members.find(owner_id, lambda member: bool(member.grants()))
        return None if owner is None else BotOwner(user=owner.user, grants=owner.grants())

    async def revoke(self, request: RevokeRequest) -> RevokeReply:
        """Revoke a user's token; a repeated request changes nothing.

        Raises:
            FaultError: ``user_unknown``.
        """

        def decide(known: Member | None) -> Change | None:
            if known is None or not known.dialect.has_tokens:
                message = f"no user with a token has the id {request.user_id}"
                raise refuse(ErrorCode.USER_UNKNOWN, message, field="userId")
            return presence.revoke(known)

        member, seq = await self._members.change(request.user_id, decide)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, "there is no such user")
        return RevokeReply(user=member.user, seq=seq)

    def _reject_banned(self, user: User, grant: Grant | None) -> None:
        restrictions = self._members.index.restrictions
        ban = restrictions.ban_of(user.name, self._clock(), granted_identity(grant))
        if ban is not None:
            raise refusal(ban)

    def _reject_foreign_name(self, user: User, grant: Grant | None) -> None:
        """Reject a name that belongs to another signed-in user, who may be away.

        Raises:
            FaultError: ``name_taken``.
        """
        owner = self._members.index.owner_of_name(user.name, self._clock())
        if owner is not None and owner != granted_identity(grant):
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {user.name!r} is already taken.", field="name")

    def _authenticated_member(self, known: Member | None, request: JoinRequest, user_id: str) -> Member:
        if request.token is not None:
            if known is None or tokens.device_of(known, request.token) is None:
                raise _invalid_token()
            return known
        if known is not None and known.dialect is request.dialect:
            return known
        if known is not None or request.name is None or request.dialect.has_tokens:
            raise refuse(ErrorCode.USER_UNKNOWN, f"no user has the id {user_id}", field="userId")
        # The record has expired: without a token, a user rejoins with the id and name they had before.
        user = User(id=user_id, name=checked_name(request.name))
        registration = Registration(user, request.dialect, None, request.origin, request.connection)
        return presence.register(registration, None, self._clock(), self._grace_periods).member.model_copy(
            update={"status": MemberStatus.AWAY, "connections": ()}
        )


def joining_together(
    join: Callable[[JoinRequest], Awaitable[JoinReply]],
) -> Callable[[JoinBatchRequest], Awaitable[JoinBatchReply]]:
    """Return the handler of joins that come together; ``join`` handles each of them.

    They are handled at the same time, so the records that they change are written in one batch.
    """

    async def outcome(request: JoinRequest) -> JoinResult:
        try:
            return JoinResult(reply=await join(request))
        except Exception as error:  # noqa: BLE001 - each join is refused as if it had come alone
            return JoinResult(fault=fault_of(error, endpoints.JOIN_BATCH.subject))

    async def handle(request: JoinBatchRequest) -> JoinBatchReply:
        results = await asyncio.gather(*map(outcome, request.joins))
        return JoinBatchReply(results=tuple(results))

    return handle


def checked_name(raw: str) -> str:
    """Return the name as it is stored.

    Raises:
        FaultError: ``name_invalid``.
    """
    try:
        return clean_name(raw)
    except NameRuleError as error:
        raise refuse(ErrorCode.NAME_INVALID, str(error), field="name") from None


def owner_id(token: str) -> str:
    """Return the user id in ``token``, which is not verified.

    Raises:
        FaultError: ``token_invalid``: it can't be one of ours.
    """
    owner = tokens.owner_of(token)
    if not owner or not all(char.isascii() and (char.isalnum() or char == "-") for char in owner):
        raise _invalid_token()
    return owner


def _invalid_token() -> FaultError:
    return refuse(ErrorCode.TOKEN_INVALID, "the token is not valid: register again", field="token")
