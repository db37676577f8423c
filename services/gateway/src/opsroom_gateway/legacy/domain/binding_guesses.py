"""What the binding of sockets knows of sockets and of the users who wait for one, and its changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

OPENS_WITHIN_SECONDS: Final = 2.0
"""A client that registers before it opens a socket opens it at once."""
TYPES_WITHIN_SECONDS: Final = 30.0
"""A client that opens its socket first registers when its user has typed a name."""


class BindingSource(Enum):
    """How a socket was bound to its user."""

    GUESSED = "guessed"
    CLAIMED = "claimed"


class Leave(Enum):
    """How a user leaves who has no socket left."""

    SURE = "sure"
    """Nothing else can be theirs: they are gone."""
    DOUBTFUL = "doubtful"
    """Another socket may be theirs: they keep their place for a while, in which a frame can prove it."""
    DISPLACED = "displaced"
    """The socket never was theirs: they have the time of a registration to open one."""


@dataclass(slots=True)
class BoundSocket:
    """A socket and its user, if known."""

    id: str
    origin: str
    opened_at: float
    user_id: str | None = None
    source: BindingSource | None = None
    exited: set[str] = field(default_factory=set)
    """Users who exited over this socket: it is not bound to them again by a guess."""


@dataclass(slots=True)
class Person:
    """A user without a claim. They registered, or lost their socket, at ``waiting_since``.

    ``until``: sockets that opened later are not theirs, unless they have none.
    ``doubted_at``: when a socket closed that may have been theirs.
    ``waits_for_new``: no socket that is open now can be theirs.
    ``may_open_first``: a socket that was open when they registered was guessed to be theirs.
    """

    origin: str
    waiting_since: float
    until: float
    doubted_at: float | None = None
    waits_for_new: bool = False
    may_open_first: bool = False


@dataclass(frozen=True, slots=True)
class Rebind:
    """A change for the chat service: ``socket_id`` leaves ``old_user`` and joins ``new_user``.

    ``leave``: how ``old_user`` leaves if they have no other socket.
    """

    socket_id: str
    old_user: str | None
    new_user: str | None
    leave: Leave = Leave.SURE


@dataclass(frozen=True, slots=True)
class Departure:
    """How the user of a closed socket leaves. ``rebinds``: who takes another socket over before that."""

    leave: Leave = Leave.SURE
    rebinds: tuple[Rebind, ...] = ()


@dataclass(frozen=True, slots=True)
class Exit:
    """The user who exited, if any, the ids of the sockets that they leave, and how they leave."""

    user_id: str | None
    socket_ids: tuple[str, ...] = ()
    departure: Departure = Departure()


def first_of_a_group(times: Sequence[float], now: float, within: float) -> int:
    """Return the index of the first of those in the last ``within`` seconds, else of the last at all.

    Users who come together act in the same order. One who comes alone has acted last: what is older was left
    behind. ``times``: not empty, ascending.
    """
    recent = (index for index, time in enumerate(times) if now - time <= within)
    return next(recent, len(times) - 1)


def is_weak(socket: BoundSocket, person: Person) -> bool:
    """Return whether a guess is less likely than a socket that opens just after the registration.

    It is if somebody exited over the socket, or it was open long before.
    """
    return bool(socket.exited) or person.waiting_since - socket.opened_at > TYPES_WITHIN_SECONDS
