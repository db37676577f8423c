"""Who must see an event of a room with members, who may, and who may not."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from opsroom_contracts.subjects import is_created_room
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import ChatLife
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.team_history import ChangeKind, Stay
from tests.faults.verification.verdict import Bounds, Violation

_CLOCK_SECONDS = 0.05
"""The broker's clock and ours may differ by so much."""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """An event of a room with members. ``members``: as in `StoredMessage`. ``optional``: it was erased."""

    seq: int
    at: float
    room: str
    members: int
    optional: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that a member must get who is one until after ``left``."""

    seq: int
    at: float
    left: float


def erased(life: ChatLife) -> frozenset[int]:
    """Return the sequences that a reader may miss: their texts were removed or replaced.

    A text that was replaced within a moment is known only from what readers were shown of it.
    """
    removed = {message.removes for message in life.messages if message.removes is not None}
    removed |= {removal.seq for removal in life.removals}
    versions: dict[int, set[int]] = defaultdict(set)
    for change in life.team.changes:
        if change.kind is ChangeKind.EDITED:
            versions[change.place].add(change.seq)
    for wish in life.team.wishes:
        if wish.kind is ChangeKind.EDITED and wish.done is not None and not wish.duplicate:
            versions[wish.place].add(wish.seq)
    for seq, content in life.contents.items():
        if content.startswith("edited|"):
            versions[int(content.split("|")[2])].add(seq)
    found = set(removed)
    for place, seqs in versions.items():
        found |= seqs if place in removed else seqs - {max(seqs)}
        found.add(place)
    return frozenset(found)


class RoomFacts:
    """The events of rooms with members in one life of the stream, and who was in these rooms."""

    def __init__(self, life: ChatLife, optional: frozenset[int]) -> None:
        self._events: dict[int, RoomEvent] = {}
        self._rooms: dict[str, list[RoomEvent]] = defaultdict(list)
        self._stays: dict[str, list[Stay]] = defaultdict(list)
        for stored in life.events():
            if is_created_room(stored.room):
                event = RoomEvent(stored.seq, stored.at, stored.room, stored.members, stored.seq in optional)
                self._events[stored.seq] = event
                self._rooms[stored.room].append(event)
        for stay in life.team.roster.stays:
            self._stays[stay.user].append(stay)
        self._unseen = {
            seq: content.split("|")[content.startswith(("edited|", "removed|", "reaction|", "pinned|"))]
            for seq, content in life.contents.items()
            if seq not in self._events and seq in optional
        }
        """Rooms of erased events that only readers saw."""

    def of_rooms(self, segment: Segment) -> set[int]:
        """Return the sequences of a segment that are events of rooms with members."""
        if not self._events:
            return set()
        return {seq for seq in segment.seqs if seq in self._events or self._is_unseen(seq)}

    def _is_unseen(self, seq: int) -> bool:
        room = self._unseen.get(seq)
        return room is not None and is_created_room(room)

    def may_see(self, user: str, seq: int, until: float) -> bool:
        """Whether ``user`` may have got an event by ``until``: as a member, before a later record ended it.

        Who becomes a member may read everything that was said before.
        """
        event = self._events.get(seq)
        if event is None:
            return any(stay.room == self._unseen.get(seq) for stay in self._stays.get(user, ()))
        return any(
            stay.room == event.room and stay.end > event.members and stay.at <= until + _CLOCK_SECONDS
            for stay in self._stays.get(user, ())
        )

    def expected(self, user: str) -> list[Expected]:
        """Return the events that ``user`` must get, ascending."""
        found = [
            Expected(event.seq, event.at, stay.left)
            for stay in self._stays.get(user, ())
            for event in self._rooms.get(stay.room, ())
            if not event.optional and stay.first <= event.members < stay.end
        ]
        return sorted(found, key=lambda one: one.seq)

    def left(self, user: str, seq: int) -> float:
        """Return when ``user`` left the room of an event for the last time; infinite: they are in it."""
        event = self._events.get(seq)
        room = self._unseen.get(seq) if event is None else event.room
        return max((stay.left for stay in self._stays.get(user, ()) if stay.room == room), default=inf)


def leaks(reader: Reader, facts: RoomFacts, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Nobody gets an event that was stored when they were no member, or long after they had left.

    A gateway that is cut off does not know that somebody was removed, but it has no new events either.
    """
    for segment in reader.segments:
        samples = segment.arrivals.samples()
        for seq in sorted(facts.of_rooms(segment)):
            before, until = _arrival(samples, seq)
            if not facts.may_see(segment.user, seq, min(until, segment.closed)):
                yield Violation("seen by a non-member", f"{reader.name} got {seq} of a room it was not in")
                continue
            left = facts.left(segment.user, seq)
            late = before - left
            if late <= bounds.effect:
                continue
            excused = excuses.seconds(Domain.DELIVERIES, left, before, segment.where, reader.name)
            if late > bounds.effect + excused:
                yield Violation("seen by a non-member", f"{reader.name} got {seq} {late:.1f} s after it left")


def absences_in_rooms(
    reader: Reader, facts: RoomFacts, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """A connected member gets each event of their rooms, in time."""
    for segment in reader.segments:
        expected = facts.expected(segment.user)
        if not expected:
            continue
        seen = facts.of_rooms(segment)
        samples = segment.arrivals.samples()
        reached = max(segment.seqs.most() or 0, segment.idle)
        for one in expected:
            is_missing = segment.after < one.seq <= reached and one.seq not in seen
            if is_missing and _arrival(samples, one.seq)[1] < one.left:
                words = f"{reader.name} was in the room and did not get {one.seq}"
                yield Violation("message missed", words)
        if segment.opened:
            yield from _late(reader.name, segment, expected, bounds, excuses)


def _late(
    name: str, segment: Segment, expected: list[Expected], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    order = [one.seq for one in expected]
    samples = [(segment.opened, segment.after), *segment.arrivals.samples(), (segment.closed, -1)]
    for (_, had), (until, _) in pairwise(samples):
        for one in expected[bisect_right(order, had) :]:
            since = max(one.at, segment.opened)
            if until - since <= bounds.delivered:
                break
            if one.left <= until:
                continue
            excused = excuses.seconds(Domain.DELIVERIES, since, until, segment.where, name)
            if until - since > bounds.delivered + excused:
                yield Violation(
                    "message late", f"{name} waited {until - since:.1f} s for {one.seq} of a room"
                )
                return
            break


def _arrival(samples: list[tuple[float, int]], seq: int) -> tuple[float, float]:
    """Return the times between which an event arrived, or would have: those of the samples around it."""
    place = bisect_left(samples, seq, key=lambda sample: sample[1])
    before = samples[place - 1][0] if place else 0.0
    return before, samples[place][0] if place < len(samples) else inf


def in_rooms(
    readers: Iterable[Reader], facts: RoomFacts, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """Apply both rules to all readers."""
    for reader in readers:
        yield from leaks(reader, facts, bounds, excuses)
        yield from absences_in_rooms(reader, facts, bounds, excuses)
