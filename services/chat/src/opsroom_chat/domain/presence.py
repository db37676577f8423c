"""Rules of presence: how a member's record changes on registering, joining, leaving and expiry.

Pure functions: each takes the current record and returns the new one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from opsroom_contracts.chat.models import (
    MAX_CONNECTIONS,
    Connection,
    LeaveReason,
    Member,
    MemberStatus,
    ProtocolVersion,
    User,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Credential, Grant, credential_of, is_bot

_CONNECTIONS_RETRY_SECONDS = 5.0
"""As long as the connections of a dead gateway may count. Gateways don't retry sooner."""

LISTED = frozenset({MemberStatus.PRESENT, MemberStatus.LINGERING})
"""Members with these statuses are on the user list."""


class NameClaimChange(Enum):
    """The effect of a change on the claim of the member's name."""

    KEEP = "keep"
    CLAIM = "claim"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class GracePeriods:
    """How long name and list entry are kept for a member who is not connected."""

    registration: timedelta
    """The name, from registering to the first connection."""
    closed: timedelta
    """The list entry after a clean close: long enough for a page reload."""
    broken: timedelta
    """The list entry after the connection was lost."""
    hold: timedelta
    """The name, after the list entry is gone."""
    invited: timedelta
    """The name of an invited member, after the list entry is gone: as long as their tokens are valid."""


@dataclass(frozen=True, slots=True)
class Change:
    """The new record, and the effect on the name claim."""

    member: Member
    name: NameClaimChange = NameClaimChange.KEEP


@dataclass(frozen=True, slots=True)
class Registration:
    """The data of a registration; with ``connection`` the member is listed immediately."""

    user: User
    dialect: ProtocolVersion
    token_hash: str | None
    origin: str | None
    connection: Connection | None
    grant: Grant | None = None


def register(
    registration: Registration, known: Member | None, now: datetime, grace_periods: GracePeriods
) -> Change:
    """Create the record of a new member and claim the name.

    If ``known`` is an active record, this is a retry with the same id: only token, origin and grant change.
    """
    connection = registration.connection
    if known is not None and known.status is not MemberStatus.AWAY:
        renewed: dict[str, object] = {
            "token_hash": registration.token_hash,
            "origin": registration.origin,
            "grant": registration.grant,
        }
        if known.status is MemberStatus.RESERVED:
            renewed["deadline"] = now + grace_periods.registration
        again = known.model_copy(update=renewed)
        joined = None if connection is None else join(again, connection, registration.origin, now)
        return joined or Change(again)
    member = Member(
        user=registration.user,
        dialect=registration.dialect,
        status=MemberStatus.RESERVED if connection is None else MemberStatus.PRESENT,
        connections=() if connection is None else (connection,),
        joined_at=now,
        deadline=now + grace_periods.registration if connection is None else None,
        token_hash=registration.token_hash,
        origin=registration.origin,
        grant=registration.grant,
    )
    return Change(member, NameClaimChange.CLAIM)


def join(member: Member, connection: Connection, origin: str | None, now: datetime) -> Change | None:
    """Add a connection to ``member``; None if it is already there.

    Members who still held their name keep their position in the list; others are added at the end.

    Raises:
        FaultError: ``overloaded``: the member has the maximum number of connections.
    """
    if any(known.id == connection.id for known in member.connections):
        return None
    if len(member.connections) >= MAX_CONNECTIONS:
        message = f"a user may have at most {MAX_CONNECTIONS} connections at once"
        raise refuse(ErrorCode.OVERLOADED, message, retry_after=_CONNECTIONS_RETRY_SECONDS)
    away = member.status is MemberStatus.AWAY
    return Change(
        member.model_copy(
            update={
                "status": MemberStatus.PRESENT,
                "connections": (*member.connections, connection),
                "joined_at": now if away else member.joined_at,
                "deadline": None,
                "origin": origin or member.origin,
                "exited": False,
            }
        ),
        NameClaimChange.CLAIM if away else NameClaimChange.KEEP,
    )


def leave(
    member: Member,
    connections: frozenset[str],
    manner: LeaveReason,
    now: datetime,
    grace_periods: GracePeriods,
) -> Change | None:
    """Remove ``connections`` from ``member`` (empty: all of them); None if nothing changes."""
    left = tuple(known for known in member.connections if connections and known.id not in connections)
    exits = manner is LeaveReason.EXIT and not left
    if exits:
        return leave_all(member, now, grace_periods)
    if len(left) == len(member.connections):
        return None
    if left:
        return Change(member.model_copy(update={"connections": left}))
    grace = grace_periods.broken if manner is LeaveReason.BROKEN else grace_periods.closed
    return Change(
        member.model_copy(
            update={"status": MemberStatus.LINGERING, "connections": (), "deadline": now + grace}
        )
    )


def leave_all(member: Member, now: datetime, grace_periods: GracePeriods) -> Change | None:
    """Take ``member`` off the user list at once; None if they are away.

    The name is free, unless it is that of an invited member, or a link for it is pending.
    """
    if member.status is MemberStatus.AWAY:
        return None
    if is_bot(member.user.id):
        return None if member.status is MemberStatus.RESERVED else _waiting(member)
    until = held_until(member, now, timedelta(0), grace_periods)
    if until <= now:
        return _away(member, exited=True)
    if member.status is MemberStatus.RESERVED and not member.connections and member.exited:
        return None
    gone = {"status": MemberStatus.RESERVED, "connections": (), "deadline": until, "exited": True}
    return Change(member.model_copy(update=gone))


def revoke(member: Member) -> Change | None:
    """Revoke all tokens of ``member`` and their link, and free the name; None if they have none."""
    if member.token_hash is None and member.link is None and member.grant is None:
        return None
    gone = _away(member, exited=True)
    return Change(gone.member.model_copy(update=_NOTHING), gone.name)


def held_until(member: Member, now: datetime, at_least: timedelta, grace_periods: GracePeriods) -> datetime:
    """Return until when a member who is not connected keeps the name: for ``at_least`` from now on.

    An invited person keeps it for as long as their tokens are valid. If all are signed out, an admin has the
    same time to invite them again.
    """
    until, link = now + at_least, member.link
    is_pending = member.token_hash is None and link is not None and link.by is not None
    if credential_of(member.grant) is Credential.INVITATION and not is_pending:
        until = max(until, now + grace_periods.invited)
    return until if link is None else max(until, link.until)


def expire(member: Member, now: datetime, grace_periods: GracePeriods) -> Change | None:
    """Change ``member`` after its deadline has passed; None if there is no deadline or it has not passed."""
    if member.deadline is None or now < member.deadline:
        return None
    if is_bot(member.user.id):
        return _waiting(member)
    # A name is held only for members who can prove their identity with a token.
    if member.status is MemberStatus.LINGERING and member.dialect.has_tokens:
        until = held_until(member, now, grace_periods.hold, grace_periods)
        return Change(member.model_copy(update={"status": MemberStatus.RESERVED, "deadline": until}))
    if credential_of(member.grant) is Credential.INVITATION:
        return revoke(member)  # the link has ended, or the tokens have
    return _away(member)


def _waiting(member: Member) -> Change:
    """Return a bot that is not connected: it keeps its name until it is removed."""
    waiting = {"status": MemberStatus.RESERVED, "connections": (), "deadline": None}
    return Change(member.model_copy(update=waiting))


_NOTHING: Final[dict[str, object]] = {"token_hash": None, "grant": None, "devices": (), "link": None}
"""What a member has whose tokens are revoked."""


def _away(member: Member, *, exited: bool = False) -> Change:
    gone = {
        "status": MemberStatus.AWAY,
        "connections": (),
        "deadline": None,
        "exited": exited,
        "link": None,
    }
    return Change(member.model_copy(update=gone), NameClaimChange.RELEASE)
