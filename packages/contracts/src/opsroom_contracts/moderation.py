"""Moderation: removing messages, muting and banning people and addresses, and taking that back."""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.audit import Address, Requester
from opsroom_contracts.chat import RawName, User
from opsroom_contracts.model import Identifier, Model, RoomName, Sequence, Timestamp
from opsroom_contracts.text import fold_name
from opsroom_contracts.versions import StoredContract

RESTRICTIONS_MAX = 1000
"""The most mutes and bans in force at once."""
RESTRICTIONS_PAGE = 200
"""The most that one page of them holds."""
_TEN_YEARS = 315_360_000

Reason = Annotated[str, Field(min_length=1, max_length=200)]
"""Why, in the words of whoever moderates; the one concerned is told."""
Seconds = Annotated[int, Field(ge=1, le=_TEN_YEARS)]


class Erasure(Model):
    """A message that is removed and whose text may still be there: what ``chat.erasures.<id>`` holds."""

    version: Literal[1] = 1
    room: RoomName
    id: Identifier
    message_seq: Sequence


class RemoveRequest(Model):
    """Remove a message; removing it again changes nothing."""

    room: RoomName
    id: Identifier
    reason: Reason | None = None
    by: Requester = Requester()


class RemoveReply(Model):
    """The message is gone, and ``seq`` is where the stream says so."""

    seq: Sequence
    id: Identifier
    room: RoomName


class RestrictionKind(StrEnum):
    """What somebody may not do."""

    MUTE = "mute"
    """Speak."""
    BAN = "ban"
    """Be here at all."""


class Restriction(Model):
    """A mute or a ban: what ``chat.restrictions.<id>`` holds.

    ``address``: one address, or for version 6 its network of 64 bits. ``until``: when it ends by itself.
    ``lifted``: it is over.
    """

    version: Literal[1] = 1
    id: Identifier
    kind: RestrictionKind
    name: RawName | None = None
    address: Address | None = None
    by: Annotated[str, Field(min_length=1, max_length=64)]
    at: Timestamp
    until: Timestamp | None = None
    reason: Reason | None = None
    lifted: bool = False


class RestrictRequest(Model):
    """Mute a name, or ban a name or an address, for ``seconds`` or until lifted.

    A second one of the same target replaces the first. One with the ``request_id`` of an earlier one is a
    retry of it: it changes nothing and is answered the same, for a minute after the first.
    """

    request_id: Identifier | None = None
    kind: RestrictionKind
    name: RawName | None = None
    address: Address | None = None
    seconds: Seconds | None = None
    reason: Reason | None = None
    by: Requester = Requester()


class RestrictReply(Model):
    """The restriction in force, and the sequence of ``MEMBERS`` from which it counts."""

    restriction: Restriction
    seq: Sequence


class LiftRequest(Model):
    """End a restriction; one with the ``request_id`` of an earlier one is a retry of it."""

    request_id: Identifier | None = None
    id: Identifier
    reason: Reason | None = None
    by: Requester = Requester()


class LiftReply(Model):
    """What was lifted, and the sequence of ``MEMBERS`` from which it no longer counts."""

    restriction: Restriction
    seq: Sequence


class RestrictionsRequest(Model):
    """A page of what is in force, in the order of the ids, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=RESTRICTIONS_PAGE)] = RESTRICTIONS_PAGE


class RestrictionsReply(Model):
    """Mutes and bans in force; ``next`` asks for the following page where there is one."""

    restrictions: tuple[Restriction, ...]
    next: Identifier | None = None


class RevokeRequest(Model):
    """Make the token of ``user_id`` worth nothing: off the list, the name free, their connections closed.

    One with the ``request_id`` of an earlier one is a retry of it.
    """

    request_id: Identifier | None = None
    user_id: Identifier
    reason: Reason | None = None
    by: Requester = Requester()


class RevokeReply(Model):
    """Whose token it was, and the sequence of ``MEMBERS`` from which their record shows it."""

    user: User
    seq: Sequence


ERASURE = StoredContract(Erasure)
RESTRICTION = StoredContract(Restriction)


def restriction_id(kind: RestrictionKind, name: str | None, address: str | None) -> str:
    """The id of a restriction: the same for the same thing about the same target, so a repeat is harmless."""
    target = f"address/{address}" if name is None else f"name/{fold_name(name)}"
    return hashlib.sha256(f"{kind.value}/{target}".encode()).hexdigest()[:32]
