"""The history of a run, as plain data: the input of the checker."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Seqs:
    """Sequence numbers in order of arrival, stored without loss as runs of consecutive numbers.

    The readers of a run see tens of millions of messages, nearly all of them consecutive.
    """

    __slots__ = ("_firsts", "_lasts", "last")

    def __init__(self, seqs: Iterable[int] = ()) -> None:
        self._firsts = array("q")
        self._lasts = array("q")
        """Those of all runs except the current one."""
        self.last = -1
        for seq in seqs:
            self.append(seq)

    def append(self, seq: int) -> None:
        """Append the next sequence number."""
        if seq != self.last + 1 or not self._firsts:
            if self._firsts:
                self._lasts.append(self.last)
            self._firsts.append(seq)
        self.last = seq

    def runs(self) -> list[tuple[int, int]]:
        """Return the first and last number of each run."""
        return list(zip(self._firsts, self._ends(), strict=True))

    def within(self, after: int, end: int) -> list[tuple[int, int]]:
        """Return the runs of the numbers past ``after`` up to ``end``. They must be ascending."""
        lasts = self._ends()
        found = []
        for place in range(bisect_left(lasts, after + 1), len(lasts)):
            first, last = max(self._firsts[place], after + 1), min(lasts[place], end)
            if first > end:
                break
            found.append((first, last))
        return found

    def most(self) -> int | None:
        """Return the maximum; None if there is none."""
        return max(self._ends(), default=None)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.runs():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.runs())

    def _ends(self) -> "array[int]":
        return self._lasts + array("q", [self.last] if self._firsts else [])


@dataclass(slots=True)
class Segment:
    """A segment of a reader's stream: everything after ``after``, as it arrived.

    ``reset``: it began with a reset, because the server could not replay the gap.
    """

    after: int
    seqs: Seqs = field(default_factory=Seqs)
    reset: bool = False

    @property
    def last(self) -> int:
        """The last sequence number seen, or ``after``."""
        return self.seqs.last if self.seqs.last >= 0 else self.after


@dataclass(slots=True)
class Reader:
    """All that a reader of a stream saw; ``stayed``: it was connected at the end."""

    name: str
    segments: list[Segment] = field(default_factory=list)
    stayed: bool = False


@dataclass(slots=True)
class CourseReader:
    """A connection of a course client: the keys of the messages it received, in order."""

    name: str
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in the stream at the end."""

    seq: int
    key: str


@dataclass(slots=True)
class Accepted:
    """A command was accepted between ``asked`` and ``answered`` (seconds since the epoch)."""

    operation: str
    command: str
    instance: str
    key: str
    asked: float
    answered: float
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of an instance in the stream; ``at``: when the broker stored it."""

    seq: int
    type: str
    operation: str
    instance: str
    command: str
    state: str
    at: float


@dataclass(frozen=True, slots=True)
class StateComparison:
    """The state of a dashboard at ``seq``: from the event stream, and from the list."""

    who: str
    seq: int
    followed: dict[str, str]
    listed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Presence:
    """A user was certainly connected from ``start`` to ``end`` (None: to the end of the run)."""

    name: str
    start: float
    end: float | None


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
    """A free name could not be claimed from ``since`` until ``until``."""

    name: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Outage:
    """From a fault to the end of its effects: a delay in between is excused."""

    kind: str
    start: float
    end: float


@dataclass(slots=True)
class History:
    """The history of a run. Times are seconds since the epoch."""

    delay: float
    acks: list[tuple[str, int]] = field(default_factory=list)
    """Key and sequence number of each acknowledgement, those of retries included."""
    sent: set[str] = field(default_factory=set)
    """Keys of all messages sent, acknowledged or not."""
    refused: list[str] = field(default_factory=list)
    """Responses that a client must not get, as text."""
    messages: list[StoredMessage] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    contents: dict[int, int] = field(default_factory=dict)
    """A digest of what was shown at each sequence number. If two readers differ, that is a violation."""
    course: list[CourseReader] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """Keys of all commands."""
    events: list[StoredEvent] = field(default_factory=list)
    watchers: list[Reader] = field(default_factory=list)
    folds: list[StateComparison] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    stuck: list[NameWait] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """Members and names in the streams after all clients had left and all grace periods had passed."""
