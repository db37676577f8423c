"""Handlers of invitations, of links for other devices, and of signing out of one device."""

from datetime import timedelta
from uuid import uuid4

from opsroom_chat.domain import devices, presence, tokens
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, GracePeriods
from opsroom_chat.members.presence_handlers import Clock, checked_name, owner_id
from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts.audit import ACTOR_MAX
from opsroom_contracts.chat.devices import Link
from opsroom_contracts.chat.invitations import (
    INVITATIONS_MAX,
    ExchangeReply,
    ExchangeRequest,
    Invitation,
    InviteReply,
    InviteRequest,
    LinkReply,
    LinkRequest,
    SignOutReply,
    SignOutRequest,
    WithdrawReply,
    WithdrawRequest,
)
from opsroom_contracts.chat.models import Member, User
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Credential, credential_of, granted_identity
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.text import clip


class DeviceHandlers:
    """Handlers of requests about the devices of members.

    A link is used once, also if two processes try at the same time: each write is guarded by the sequence of
    the member's record.
    """

    def __init__(self, members: MemberRepository, grace_periods: GracePeriods, clock: Clock) -> None:
        self._members = members
        self._grace_periods = grace_periods
        self._clock = clock

    async def invite(self, request: InviteRequest) -> InviteReply:
        """Invite a person: hold the name, and make the link.

        Raises:
            FaultError: ``name_invalid``, ``name_taken``; ``invalid_request``: there are too many.
        """
        name, now = checked_name(request.name), to_milliseconds(self._clock())
        owner = self._members.index.owner_of_name(name, now)
        if owner is not None:
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")
        known_id = self._invited_id(name)
        if known_id is None and self._members.index.pending_invitations(now) >= INVITATIONS_MAX:
            message = f"the limit of {INVITATIONS_MAX} pending invitations is reached: withdraw some first"
            raise refuse(ErrorCode.INVALID_REQUEST, message)
        user = User(id=known_id or tokens.user_id_for(request.request_id), name=name)
        secret = tokens.make_token(user.id, tokens.link_secret_for(request.request_id))
        until = now + timedelta(seconds=request.seconds)
        by = clip(request.by.name, ACTOR_MAX)
        link = Link(hash=tokens.token_hash(secret), at=now, until=until, by=by)

        def decide(known: Member | None) -> Change:
            return devices.invite(known, (user, request.role, link), now)

        member, seq = await self._members.change(user.id, decide)
        shown = user if member is None else member.user
        invitation = Invitation(id=user.id, name=shown.name, role=request.role, by=by, at=now, until=until)
        return InviteReply(invitation=invitation, secret=secret, seq=seq)

    async def withdraw(self, request: WithdrawRequest) -> WithdrawReply:
        """Make the link of an invitation void. The name is free, unless the person has signed in before.

        Raises:
            FaultError: ``invitation_unknown``: it was used, was withdrawn or has ended.
        """

        def decide(known: Member | None) -> Change:
            link = None if known is None else known.link
            if known is None or link is None or link.by is None or self._clock() >= link.until:
                message = f"no invitation with the id {request.id} is pending"
                raise refuse(ErrorCode.INVITATION_UNKNOWN, message, field="id")
            if known.token_hash is None:
                return presence.revoke(known) or Change(known)
            return Change(known.model_copy(update={"link": None}))

        member, seq = await self._members.change(request.id, decide)
        if member is None:
            raise refuse(ErrorCode.INVITATION_UNKNOWN, "there is no such invitation", field="id")
        return WithdrawReply(user=member.user, seq=seq)

    async def link(self, request: LinkRequest) -> LinkReply:
        """Make a link for another device of a member.

        Raises:
            FaultError: ``token_invalid``, ``banned``.
        """
        secret = tokens.make_token(request.user_id, tokens.link_secret_for(request.request_id))
        now = to_milliseconds(self._clock())
        link = Link(hash=tokens.token_hash(secret), at=now, until=now)

        def decide(known: Member | None) -> Change:
            if known is None:
                raise refuse(ErrorCode.TOKEN_INVALID, "the token is not valid: register again", field="token")
            self._reject_banned(known)
            return devices.device_link(known, request.token_hash, link, now)

        member, seq = await self._members.change(request.user_id, decide)
        if member is None or member.link is None:
            raise AssertionError("the link was not stored")
        return LinkReply(user=member.user, secret=secret, until=member.link.until, seq=seq)

    async def exchange(self, request: ExchangeRequest) -> ExchangeReply:
        """Use a link: sign in one more device. Of two that race, one gets a token.

        Raises:
            FaultError: ``link_invalid``, ``banned``.
        """
        try:
            user_id = owner_id(request.secret)
        except FaultError:
            raise devices.link_invalid() from None
        # With the secret in it, the key alone reveals nothing, however easily it can be guessed.
        token = tokens.make_token(user_id, tokens.secret_for(f"{request.key}/{request.secret}", uuid4().hex))
        digest = tokens.token_hash(token)

        def decide(known: Member | None) -> Change | None:
            if known is None:
                raise devices.link_invalid()
            change = devices.exchange(known, request.secret, digest, self._clock(), self._grace_periods)
            self._reject_banned(known)
            return change

        member, seq = await self._members.change(user_id, decide)
        if member is None:
            raise devices.link_invalid()
        invited = credential_of(member.grant) is Credential.INVITATION
        return ExchangeReply(user=member.user, token=token, seq=seq, invited=invited)

    async def sign_out(self, request: SignOutRequest) -> SignOutReply:
        """Sign out one device; a repeated request changes nothing.

        Raises:
            FaultError: ``user_unknown``.
        """

        def decide(known: Member | None) -> Change | None:
            if known is None:
                raise refuse(ErrorCode.USER_UNKNOWN, "there is no such user", field="userId")
            return devices.sign_out(known, request.token_hash, self._clock(), self._grace_periods)

        member, seq = await self._members.change(request.user_id, decide)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, "there is no such user", field="userId")
        return SignOutReply(user=member.user, seq=seq)

    def _invited_id(self, name: str) -> str | None:
        """Return the id of the invited member who holds ``name``; they can be invited again."""
        index = self._members.index
        for user_id in index.holders(name_keys(name)):
            entry = index.member(user_id)
            if entry is not None and credential_of(entry.member.grant) is Credential.INVITATION:
                return user_id
        return None

    def _reject_banned(self, member: Member) -> None:
        ban = self._members.index.restrictions.ban_of(
            member.user.name, self._clock(), granted_identity(member.grant)
        )
        if ban is not None:
            raise refusal(ban)
