"""What a run left behind, as plain data: the referee needs nothing else."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Seqs:
    """Sequences in the order in which they came, kept as runs of neighbours: nothing of it is lost by that.

    A run of readers sees tens of millions of messages, nearly all of them right after the one before.
    """

    __slots__ = ("_firsts", "_lasts", "last")

    def __init__(self, seqs: Iterable[int] = ()) -> None:
        self._firsts = array("q")
        self._lasts = array("q")
        """Of all runs but the one that still grows."""
        self.last = -1
        for seq in seqs:
            self.append(seq)

    def append(self, seq: int) -> None:
        """The next one that came."""
        if seq != self.last + 1 or not self._firsts:
            if self._firsts:
                self._lasts.append(self.last)
            self._firsts.append(seq)
        self.last = seq

    def runs(self) -> list[tuple[int, int]]:
        """First and last of each run."""
        return list(zip(self._firsts, self._ends(), strict=True))

    def within(self, after: int, end: int) -> list[tuple[int, int]]:
        """Where they ascend: the runs of those past ``after`` up to ``end``."""
        lasts = self._ends()
        found = []
        for place in range(bisect_left(lasts, after + 1), len(lasts)):
            first, last = max(self._firsts[place], after + 1), min(lasts[place], end)
            if first > end:
                break
            found.append((first, last))
        return found

    def most(self) -> int | None:
        """The greatest."""
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
    """One stretch of a reader's stream: everything after ``after``, as it came.

    ``reset``: begun because the server said that what was missed can't be told.
    """

    after: int
    seqs: Seqs = field(default_factory=Seqs)
    reset: bool = False

    @property
    def last(self) -> int:
        """The last sequence seen, or what it began after."""
        return self.seqs.last if self.seqs.last >= 0 else self.after


@dataclass(slots=True)
class Reader:
    """All that one reader of a stream saw; ``stayed``: to the very end."""

    name: str
    segments: list[Segment] = field(default_factory=list)
    stayed: bool = False


@dataclass(slots=True)
class CourseReader:
    """One connection of a course client: the keys of the messages it got, in order."""

    name: str
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the stream holds it at the end."""

    seq: int
    key: str


@dataclass(slots=True)
class Accepted:
    """A command was accepted, between the moments ``asked`` and ``answered`` (seconds since the epoch)."""

    operation: str
    command: str
    instance: str
    key: str
    asked: float
    answered: float
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of an instance as the stream holds it; ``at``: when the broker stored it."""

    seq: int
    type: str
    operation: str
    instance: str
    command: str
    state: str
    at: float


@dataclass(frozen=True, slots=True)
class StateComparison:
    """A dashboard's state at ``seq``: by following the events, and by asking for the list."""

    who: str
    seq: int
    followed: dict[str, str]
    listed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Presence:
    """Someone was connected, for certain, from ``start`` to ``end`` (None: to the end of the run)."""

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
    """A name could not be had again for ``seconds`` after its holder had gone."""

    name: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Outage:
    """From the fault to where nothing of it is left: what is late in between is late for a reason."""

    kind: str
    start: float
    end: float


@dataclass(slots=True)
class History:
    """A whole run. Times are seconds since the epoch."""

    delay: float
    acks: list[tuple[str, int]] = field(default_factory=list)
    """Key and sequence of each acknowledgement, of those of retries too."""
    sent: set[str] = field(default_factory=set)
    """Keys of everything that was ever said, acknowledged or not."""
    refused: list[str] = field(default_factory=list)
    """Refusals that a client must not get, in words."""
    messages: list[StoredMessage] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    contents: dict[int, int] = field(default_factory=dict)
    """A digest of what was shown at each sequence; two readers that saw it differ is a refusal."""
    course: list[CourseReader] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """Keys of all commands ever given."""
    events: list[StoredEvent] = field(default_factory=list)
    watchers: list[Reader] = field(default_factory=list)
    folds: list[StateComparison] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    stuck: list[NameWait] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """People and names that the streams still held after everybody had gone and all graces had passed."""
