"""The part of a history that is about rooms with members, changed messages, files and read positions.

Times are seconds since the epoch. People are named by their user ids.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from tests.faults.verification.stored_message import StoredMessage


class ChangeKind(StrEnum):
    """What an event changes of a message."""

    EDITED = "edited"
    REACTION = "reaction"
    PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class StoredChange:
    """An edit, a reaction or a pin in the stream. ``at``: when the broker stored it.

    ``place``: the sequence of the message's first event. ``user``: who did it. ``members``: the sequence of
    ``MEMBERS`` up to which its sender's membership was known; 0: everybody is in the room. ``message``: the
    whole edited message, at its place. ``replaced``: the sequence of the erased event. ``count``: how many
    react with ``emoji`` after it.
    """

    seq: int
    kind: ChangeKind
    place: int
    room: str
    user: str
    at: float = 0.0
    members: int = 0
    message: StoredMessage | None = None
    replaced: int = 0
    emoji: str = ""
    on: bool = True
    count: int = 0

    @property
    def key(self) -> str:
        """The key of the edited message; empty: it is no edit."""
        return "" if self.message is None else self.message.key


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for: an edit to version ``number``, a reaction or a pin, each person in turn.

    ``done``: when it was acknowledged, at ``seq``; None: never. ``duplicate``: nothing had to be stored.
    """

    kind: ChangeKind
    place: int
    room: str
    user: str
    asked: float
    done: float | None = None
    seq: int = 0
    duplicate: bool = False
    key: str = ""
    number: int = 0
    text: str = ""
    emoji: str = ""
    on: bool = True


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A request about the message at ``place`` was refused: there is no such message."""

    place: int
    asked: float
    answered: float


@dataclass(slots=True)
class Stay:
    """``user`` is in ``room`` from the record at sequence ``first`` of ``MEMBERS``, stored at ``at``.

    ``end`` and ``left``: sequence and time of the record that ended it.
    """

    user: str
    room: str
    first: int
    at: float
    end: float = inf
    left: float = inf


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A request to let ``user`` into ``room``, or out of it, was acknowledged at ``done``."""

    user: str
    room: str
    joined: bool
    asked: float
    done: float


@dataclass(slots=True)
class Roster:
    """Who was in which room, as the stream had it. A restore begins the next one."""

    began: float = 0.0
    stays: list[Stay] = field(default_factory=list)
    changes: list[MembershipChange] = field(default_factory=list)
    glimpses: list["Glimpse"] = field(default_factory=list)
    lists: list["MemberList"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """``user`` tried to read ``room``, or to send to it, by ``door``. ``let_in``: that was permitted."""

    user: str
    room: str
    door: str
    asked: float
    answered: float
    let_in: bool


@dataclass(frozen=True, slots=True)
class MemberList:
    """The members of a room as a gateway listed them, at rest."""

    room: str
    where: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as something shows it. ``reactions``: emoji and the ids of those who react.

    ``text``: author and digest of the text. ``replies``: of its thread; None: not compared.
    """

    text: str
    pinned: bool = False
    reactions: tuple[tuple[str, frozenset[str]], ...] = ()
    files: tuple[str, ...] = ()
    replies: int | None = None


@dataclass(frozen=True, slots=True)
class RoomAtRest:
    """All messages of a room by their places, when nothing changes any more.

    ``who``: a gateway that was asked for the history, or a device that applied the events to an earlier page.
    ``thread``: the id of its first message, if it is a thread. ``since``: the first place that is compared.
    """

    who: str
    room: str
    shown: dict[int, Shown]
    thread: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of the message ``key``: the digest of its bytes."""

    ident: str
    room: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Download:
    """``user`` got a file with these bytes at ``answered``; empty: the reply was that there is none."""

    ident: str
    user: str
    asked: float
    answered: float
    digest: str
    at_rest: bool = False


@dataclass(frozen=True, slots=True)
class ReadAtRest:
    """What ``user`` has not read in ``room``, as ``who`` says it: a device, or a gateway that counted."""

    who: str
    user: str
    room: str
    read: int
    unread: int
    mentions: int


@dataclass(frozen=True, slots=True)
class Found:
    """A search by ``user``, at rest, for a word that only the message at ``place`` ever had.

    ``text``: the digest of the text with the word. ``there``: the message was found. ``may_read``: the user
    was in the room, or everybody is.
    """

    user: str
    room: str
    place: int
    text: str
    there: bool
    may_read: bool


@dataclass(slots=True)
class TeamLife:
    """What belongs to one life of the chat's stream."""

    roster: Roster = field(default_factory=Roster)
    """That of the stream of members, which may outlive the chat's."""
    changes: list[StoredChange] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    unknown: list[UnknownMessage] = field(default_factory=list)
    rest: list[RoomAtRest] = field(default_factory=list)
    files: list[SentFile] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)
    reads: list[ReadAtRest] = field(default_factory=list)
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    """The highest position that a device has sent, by user and room."""
    found: list[Found] = field(default_factory=list)
