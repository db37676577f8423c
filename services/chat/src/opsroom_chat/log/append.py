"""What is queued to be written to the message log."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.writes import Write


class IndexLostError(UnavailableError):
    """The index lost its content after the caller had looked for the message. Nothing was stored."""


class StoredError(Exception):
    """The message has another last event than expected.

    Attributes:
        seq: its sequence; None: the message is not stored.
    """

    def __init__(self, seq: int | None) -> None:
        super().__init__(seq)
        self.seq = seq


Condition = tuple[bytes, int | None]
"""A key, and the sequence of its last event as the index must have it (None: there must be none)."""


@dataclass(frozen=True, slots=True)
class Append:
    """One event of a message to store.

    Attributes:
        subject: the message's shard.
        key: its key in the index.
        generation: that of the index when its caller began to look for the message.
        expected: the sequence of its last event as the index has it; None: there must be none.
        others: writes that are stored atomically with it.
        conditions: what must be true of other keys of this shard; ``StoredError`` if it is not.
    """

    subject: str
    key: bytes
    payload: bytes
    generation: int
    expected: int | None = None
    others: tuple[Write, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def keys(self) -> frozenset[bytes]:
        """The keys that must not change until it is stored."""
        return frozenset((self.key, *(key for key, _ in self.conditions)))


ENTRY_MAX = 1000
"""More events than an entry has."""

Outcome = tuple[int, ...] | Exception
"""The sequences of an event and of its other writes, or why they were not stored."""


@dataclass(slots=True)
class Entry:
    """Events of one caller, which are stored in their order: an event only after all before it.

    Attributes:
        width: how many to store at once. It shrinks if other processes are faster each time.
        attempts: how often in a row another process was faster.
        outcomes: that of each event; None: not resolved yet.
        left: how many are not resolved yet.
    """

    appends: tuple[Append, ...]
    trace: dict[str, str]
    done: asyncio.Future[None]
    width: int
    attempts: int = 0
    outcomes: list[Outcome | None] = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.appends)
        self.outcomes = [None] * self.left

    def next(self, limit: int = ENTRY_MAX) -> list[int]:
        """Return the places of the events to write next, ``limit`` at most."""
        unresolved = (place for place, outcome in enumerate(self.outcomes) if outcome is None)
        return list(islice(unresolved, min(self.width, limit)))

    def subjects(self, limit: int = ENTRY_MAX) -> set[str]:
        """Return the shards of the events to write next, ``limit`` at most."""
        return {self.appends[place].subject for place in self.next(limit)}

    def resolve(self, place: int, outcome: Outcome) -> None:
        """Note the outcome of one event; the last one resolves the entry."""
        self.outcomes[place] = outcome
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Fail the events that are not resolved yet."""
        for place, outcome in enumerate(self.outcomes):
            if outcome is None:
                self.resolve(place, error)

    def rejected(self) -> None:
        """Note that another process was faster; from the second time on, fewer events are written at once."""
        self.attempts += 1
        if self.attempts > 1:
            self.width = max(1, self.width // 2)

    def resolved(self) -> list[Outcome]:
        """Return all outcomes; the entry must be done."""
        return [outcome for outcome in self.outcomes if outcome is not None]


def fail_all(entries: Iterable[Entry], error: Exception) -> None:
    """Fail what is left of ``entries``."""
    for entry in entries:
        entry.fail(error)


def places(entries: Iterable[Entry], limit: int) -> Iterator[tuple[Entry, int]]:
    """Iterate over the events to write next, ``limit`` at most of each entry."""
    for entry in entries:
        for place in entry.next(limit):
            yield entry, place
