"""The history of a run, as plain data: the input of the checker. Times are seconds since the epoch."""

import hashlib
from dataclasses import dataclass, field
from math import inf

from tests.faults.verification.agent_history import AgentHistory
from tests.faults.verification.cloud_history import CloudLife
from tests.faults.verification.readers import Reader
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.team_history import StoredChange, TeamLife

ChatRecord = StoredMessage | StoredChange
"""An event of the chat's stream."""


def digest(*content: str) -> str:
    """Return a short digest of a whole text, so that millions of them can be compared."""
    return hashlib.blake2b("\0".join(content).encode(), digest_size=9).hexdigest()


def shown_options(thread: str, files: tuple[str, ...]) -> str:
    """Return what a message has beside its text, in the form in which contents are recorded."""
    return f"|{thread}|{' '.join(files)}" if thread or files else ""


@dataclass(slots=True)
class CourseReader:
    """A connection of a course client: the keys of the messages it received, in order."""

    name: str
    keys: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    """Digests of the same messages: author and text."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client sent: the room, the author, the digest of the whole text, and `shown_options`."""

    room: str
    author: str
    text: str
    options: str = ""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a room's messages, requested at ``asked``: the digest of each, by sequence.

    ``latest``: it was the newest page, otherwise one from an earlier sequence on.
    """

    room: str
    asked: float
    shown: dict[int, str]
    latest: bool = True


@dataclass(frozen=True, slots=True)
class Removal:
    """The message at ``seq`` was asked to be removed at ``asked``; acknowledged at ``done`` (None: never).

    ``unknown``: the reply was that there is no such message.
    """

    seq: int
    key: str
    asked: float
    done: float | None
    ident: str = ""
    actor: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class LateDelivery:
    """A reader got a text at ``at``, after its removal or its replacement had been acknowledged.

    ``seq``: of the removed message, or of the replaced event. ``where``: the gateway.
    """

    reader: str
    where: str
    seq: int
    at: float


@dataclass(slots=True)
class ChatLife:
    """What belongs to one life of the chat's stream. A restore or a new stream begins the next one.

    ``kept``: the sequence up to which the stream holds that of the life before; None in the first. ``ended``:
    when the stream was deleted while gateways went on; infinite: it was not.
    """

    kept: int | None = None
    ended: float = inf
    acks: list[tuple[str, int]] = field(default_factory=list)
    """Key and sequence number of each acknowledgement, those of retries included."""
    messages: list[StoredMessage] = field(default_factory=list)
    """All that the stream ever held, also what was removed or has expired."""
    firsts: list[tuple[float, int]] = field(default_factory=list)
    """At which time the stream's first message was which."""
    readers: list[Reader] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    """The digest of what was shown at each sequence number."""
    payloads: dict[int, int] = field(default_factory=dict)
    """The hash of a frame that showed it, so that the same frame need not be read again."""
    course: list[CourseReader] = field(default_factory=list)
    pages: list[HistoryPage] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    shown_after_removal: list[LateDelivery] = field(default_factory=list)
    team: TeamLife = field(default_factory=TeamLife)

    def events(self) -> list[ChatRecord]:
        """Return all events that the stream ever held, in order."""
        found: list[ChatRecord] = [*self.messages, *self.team.changes]
        return sorted(found, key=lambda one: one.seq)


@dataclass(frozen=True, slots=True)
class Presence:
    """A user may have been connected from ``start`` to ``end`` (None: to the end of the run)."""

    name: str
    start: float
    end: float | None


@dataclass(frozen=True, slots=True)
class Connected:
    """A user was certainly connected to ``where`` and served. ``reads``: with a list (`Listing`)."""

    name: str
    where: str
    start: float
    end: float
    reads: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """From ``start`` to ``end`` a reader showed ``name`` on its list."""

    reader: str
    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Holding:
    """``owner`` held ``name`` for certain from ``start`` to ``end``."""

    name: str
    owner: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class NameWait:
    """A name could not be claimed from ``since`` until ``until``; ``granted``: it could then."""

    name: str
    since: float
    until: float
    granted: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """A client tried ``what`` from ``start`` to ``end``, whether that succeeded then or was given up."""

    what: str
    who: str
    start: float
    end: float


@dataclass(slots=True)
class Restraint:
    """A mute or a ban of ``name``: when it was asked for and acknowledged, and the same of its end.

    ``tries``: how many requests asked for it.
    """

    kind: str
    name: str
    asked: float
    acked: float
    actor: str = ""
    ident: str = ""
    tries: int = 1
    lift_asked: float = inf
    lift_acked: float = inf


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody who may be muted tried to send: the code of the refusal, or ``ack``."""

    name: str
    key: str
    begun: float
    answered: float
    result: str


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault, when it began and was healed. ``felt``: for how many seconds clients waited after that.

    ``where``: the process, or the client, that it affected; empty: all.
    """

    kind: str
    start: float
    healed: float
    felt: float = inf
    where: str = ""


@dataclass(slots=True)
class History:
    """The history of a run.

    ``replay_limit``: missed sequences beyond which a reader may be reset. ``failure_rate``: the share of
    operations that the provider fails. ``began``, ``ended``: the time under load. ``nodes``: of the broker.
    """

    delay: float
    replay_limit: int = 1_000_000
    failure_rate: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    nodes: int = 1
    chats: list[ChatLife] = field(default_factory=lambda: [ChatLife()])
    clouds: list[CloudLife] = field(default_factory=lambda: [CloudLife()])
    sent: dict[str, Sent] = field(default_factory=dict)
    """All messages sent, acknowledged or not, by key."""
    ordered: set[tuple[str, str, str]] = field(default_factory=set)
    """Command, actor and server (or operation) of all commands that were sent, whatever came of them."""
    refused: list[str] = field(default_factory=list)
    """Responses that a client must not get, as text."""
    presences: list[Presence] = field(default_factory=list)
    connected: list[Connected] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    stuck: list[NameWait] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    restraints: list[Restraint] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """Members and names in the streams after all clients had left and all grace periods had passed."""
    agent: AgentHistory | None = None
    """What happened at the provider behind the agents, if there are any."""

    @property
    def chat(self) -> ChatLife:
        """The present life of the chat's stream."""
        return self.chats[-1]

    @property
    def cloud(self) -> CloudLife:
        """The present life of the stream of servers' events."""
        return self.clouds[-1]
