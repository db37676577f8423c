"""How a person's record changes: registering, joining, leaving, and running out of time.

Each function takes the record as it is and answers the record as it should be. Nothing is stored here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from opsroom_contracts.chat import (
    MAX_CONNECTIONS,
    Connection,
    LeaveReason,
    Member,
    MemberStatus,
    ProtocolVersion,
    User,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Grant

LISTED = frozenset({MemberStatus.PRESENT, MemberStatus.LINGERING})
"""Who of this status is on the list."""


class NameClaimChange(Enum):
    """What a change does to the claim on the person's name."""

    KEEP = "keep"
    CLAIM = "claim"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class GracePeriods:
    """How long things are kept for someone who is not connected."""

    registration: timedelta
    """The name, from registering to the first connection."""
    closed: timedelta
    """The place on the list after a clean close: long enough for a page reload."""
    broken: timedelta
    """The place on the list after the network went."""
    hold: timedelta
    """The name, after the place on the list is gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record as it should be, and what becomes of the name."""

    member: Member
    name: NameClaimChange = NameClaimChange.KEEP


@dataclass(frozen=True, slots=True)
class Registration:
    """Someone who registers; ``connection`` where they are to be on the list at once."""

    user: User
    dialect: ProtocolVersion
    token_hash: str | None
    origin: str | None
    connection: Connection | None
    grant: Grant | None = None


def register(newcomer: Registration, known: Member | None, now: datetime, graces: GracePeriods) -> Change:
    """The record of a newcomer, whose name is to be claimed.

    Someone who is there already registered with the same id before: they get their new token and keep
    the rest.
    """
    connection = newcomer.connection
    if known is not None and known.status is not MemberStatus.AWAY:
        renewed: dict[str, object] = {
            "token_hash": newcomer.token_hash,
            "origin": newcomer.origin,
            "grant": newcomer.grant,
        }
        if known.status is MemberStatus.RESERVED:
            renewed["deadline"] = now + graces.registration
        again = known.model_copy(update=renewed)
        joined = None if connection is None else join(again, connection, newcomer.origin, now)
        return joined or Change(again)
    member = Member(
        user=newcomer.user,
        dialect=newcomer.dialect,
        status=MemberStatus.RESERVED if connection is None else MemberStatus.PRESENT,
        connections=() if connection is None else (connection,),
        joined_at=now,
        deadline=now + graces.registration if connection is None else None,
        token_hash=newcomer.token_hash,
        origin=newcomer.origin,
        grant=newcomer.grant,
    )
    return Change(member, NameClaimChange.CLAIM)


def join(member: Member, connection: Connection, origin: str | None, now: datetime) -> Change | None:
    """``member`` with one more connection; None where it is there already.

    Whoever still held the name keeps their place in the list; others come in at the end.

    Raises:
        FaultError: ``overloaded``, past the most connections a person may have.
    """
    if any(known.id == connection.id for known in member.connections):
        return None
    if len(member.connections) >= MAX_CONNECTIONS:
        raise refuse(ErrorCode.OVERLOADED, f"one person may have {MAX_CONNECTIONS} connections at once")
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
    member: Member, connections: frozenset[str], manner: LeaveReason, now: datetime, graces: GracePeriods
) -> Change | None:
    """``member`` without ``connections`` (none named: without any); None where that changes nothing."""
    left = tuple(known for known in member.connections if connections and known.id not in connections)
    for_good = manner is LeaveReason.EXIT and not left
    if for_good:
        return None if member.status is MemberStatus.AWAY else _away(member, exited=True)
    if len(left) == len(member.connections):
        return None
    if left:
        return Change(member.model_copy(update={"connections": left}))
    grace = graces.broken if manner is LeaveReason.BROKEN else graces.closed
    return Change(
        member.model_copy(
            update={"status": MemberStatus.LINGERING, "connections": (), "deadline": now + grace}
        )
    )


def revoke(member: Member) -> Change | None:
    """``member`` whose token proves nothing any more; None where it did not before."""
    if member.token_hash is None:
        return None
    gone = _away(member, exited=True)
    return Change(gone.member.model_copy(update={"token_hash": None, "grant": None}), gone.name)


def expire(member: Member, now: datetime, graces: GracePeriods) -> Change | None:
    """What becomes of ``member`` once its deadline has passed; None before, or where there is none."""
    if member.deadline is None or now < member.deadline:
        return None
    # A token proves who comes back, so the name can wait for them; nothing proves it on the course dialect.
    if member.status is MemberStatus.LINGERING and member.dialect is ProtocolVersion.V1:
        return Change(
            member.model_copy(update={"status": MemberStatus.RESERVED, "deadline": now + graces.hold})
        )
    return _away(member)


def _away(member: Member, *, exited: bool = False) -> Change:
    gone = {"status": MemberStatus.AWAY, "connections": (), "deadline": None, "exited": exited}
    return Change(member.model_copy(update=gone), NameClaimChange.RELEASE)
