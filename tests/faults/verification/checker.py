"""The checker: find the violations of a history, one line each. Pure."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

from opsroom_contracts.cloud.commands import COMMANDS
from tests.faults.verification.history import (
    Accepted,
    History,
    Listing,
    Outage,
    Presence,
    Reader,
    Seqs,
    StoredEvent,
)

EARLY_SECONDS = 0.005
"""Timestamps are truncated to milliseconds."""
SLACK_SECONDS = 8.0
"""The tolerance beyond delay and outage: overdue commands are found after 3 s, on a busy machine."""
_BROKERS = ("broker", "leader", "node", "rolling", "clock")
_COMMANDS = ("cloud", *_BROKERS)
"""Prefixes of the faults that may delay an accepted command."""
_PEOPLE = ("gateway", "chat", *_BROKERS)
"""Prefixes of the faults that may delay presence and names."""
_FINAL = {str(spec.command): str(spec.done) for spec in COMMANDS.values()}


@dataclass(frozen=True, slots=True)
class Violation:
    """``rule``: the guarantee that was violated; ``what``: how."""

    rule: str
    what: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits in seconds: ``lease`` for presence lists, ``name`` until the name of a user who left is free."""

    lease: float
    name: float


def check(history: History, bounds: Bounds) -> list[Violation]:
    """Return all violations in ``history``."""
    return [
        *_messages(history),
        *_readers("message", history.readers, Seqs(message.seq for message in history.messages)),
        *_course(history),
        *_commands(history),
        *_readers(
            "event",
            history.watchers,
            Seqs(event.seq for event in history.events if event.type != "retained"),
        ),
        *_folds(history),
        *_lists(history, bounds.lease),
        *_names(history, bounds.name),
        *(Violation("refusal", words) for words in history.refused),
        *(Violation("left over", words) for words in history.left_over),
    ]


def _messages(history: History) -> Iterator[Violation]:
    stored = {message.seq: message for message in history.messages}
    copies = Counter(message.key for message in history.messages)
    for key, count in copies.items():
        if count > 1:
            yield Violation("message doubled", f"{key} is stored {count} times")
        if key not in history.sent:
            yield Violation("message unsaid", f"{key} is stored and nobody said it")
    seqs = [message.seq for message in history.messages]
    if any(a >= b for a, b in pairwise(seqs)):
        yield Violation("message order", "the stream is not in order")
    for key, seq in history.acks:
        found = stored.get(seq)
        if found is None or found.key != key:
            where = "nowhere" if key not in copies else "elsewhere"
            yield Violation("message lost", f"{key} was acknowledged at {seq} and is {where}")


def _readers(what: str, readers: Iterable[Reader], stream: Seqs) -> Iterator[Violation]:
    """Each reader saw all events after its start, once, in order, through every resume."""
    last = max(stream.last, 0)
    for reader in readers:
        before: int | None = None
        for segment in reader.segments:
            if before is not None and not segment.reset and segment.after != before:
                yield Violation(
                    f"{what} resumed elsewhere", f"{reader.name}: after {segment.after}, had {before}"
                )
            most = segment.seqs.most()
            there = [] if most is None else stream.within(segment.after, most)
            if segment.seqs.runs() != there:
                seqs = [seq for first, end in there for seq in range(first, end + 1)]
                yield from _difference(what, reader.name, list(segment.seqs), seqs)
            before = segment.last
        if reader.stayed and (before or 0) < last:
            yield Violation(f"{what} missed", f"{reader.name} stayed, and saw {before} last of {last}")


def _difference(what: str, name: str, seen: list[int], stream: list[int]) -> Iterator[Violation]:
    doubled = [seq for seq, count in Counter(seen).items() if count > 1]
    missed = sorted(set(stream) - set(seen))
    invented = sorted(set(seen) - set(stream))
    for rule, found in (("doubled", doubled), ("missed", missed), ("invented", invented)):
        if found:
            yield Violation(f"{what} {rule}", f"{name}: {len(found)}, the first {found[:3]}")
    if not (doubled or missed or invented):
        yield Violation(f"{what} order", f"{name} saw them in another order")


def _course(history: History) -> Iterator[Violation]:
    place = {message.key: number for number, message in enumerate(history.messages)}
    for reader in history.course:
        places = [place.get(key, -1) for key in reader.keys]
        if -1 in places:
            yield Violation("course unsaid", f"{reader.name} saw {reader.keys[places.index(-1)]}")
        elif len(set(places)) < len(places):
            yield Violation("course doubled", f"{reader.name}: {len(places) - len(set(places))}")
        elif places and places != list(range(places[0], places[-1] + 1)):
            yield Violation(
                "course missed", f"{reader.name} saw {len(places)} of {places[-1] - places[0] + 1}"
            )


def _commands(history: History) -> Iterator[Violation]:
    by_operation: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in history.events:
        if event.type != "retained":
            by_operation[event.operation].append(event)
    for accepted in history.accepted:
        yield from _command(accepted, by_operation.get(accepted.operation, []), history)
    known: dict[str, str] = {}
    for accepted in history.accepted:
        if known.setdefault(accepted.key, accepted.operation) != accepted.operation:
            yield Violation("command doubled", f"{accepted.key} made two operations")
    asked_for = {accepted.operation for accepted in history.accepted}
    for operation, events in by_operation.items():
        if operation not in asked_for:  # its response was lost; it must be executed once as well
            yield from _finished(operation, events)


def _command(accepted: Accepted, events: list[StoredEvent], history: History) -> Iterator[Violation]:
    name = f"{accepted.command} {accepted.operation}"
    if not events or events[0].type != "received":
        yield Violation("command lost", f"{name} was accepted and never received")
        return
    yield from _finished(accepted.operation, events)
    if len(events) != 2:
        return
    received, final = events
    wanted = {"cancelled"} if accepted.cancelled else {_FINAL[accepted.command], "cancelled"}
    if final.type not in wanted:
        yield Violation("command wrong", f"{name} came to {final.type}")
    if final.type == "cancelled":
        return
    lasted = final.at - received.at
    if lasted < history.delay - EARLY_SECONDS:
        yield Violation("command early", f"{name}: {lasted:.3f} s")
    if lasted - history.delay <= SLACK_SECONDS:
        return
    late = lateness(received.at, final.at, history)
    if late > SLACK_SECONDS:
        yield Violation("command late", f"{name}: {late:.1f} s past the delay and the outages")


def lateness(received: float, final: float, history: History) -> float:
    """Return the seconds past the delay, without those of outages."""
    return final - received - history.delay - overlap(received, final, _that_touch(history, _COMMANDS))


def _that_touch(history: History, kinds: tuple[str, ...]) -> list[Outage]:
    """Return the outages of these kinds: only they may excuse a delay."""
    return [outage for outage in history.outages if outage.kind.startswith(kinds)]


def overlap(start: float, end: float, outages: Iterable[Outage]) -> float:
    """Return how many seconds from ``start`` to ``end`` were covered by outages, each second once."""
    covered, reached = 0.0, start
    for outage in sorted(outages, key=lambda outage: outage.start):
        if outage.end <= reached:
            continue
        if outage.start >= end:
            break
        begin, stop = max(outage.start, reached), min(outage.end, end)
        covered += max(0.0, stop - begin)
        reached = max(reached, stop)
    return covered


def _finished(operation: str, events: list[StoredEvent]) -> Iterator[Violation]:
    received = sum(event.type == "received" for event in events)
    if received != 1:
        yield Violation(
            "command doubled" if received else "command unreceived", f"{operation}: {received} received"
        )
    finals = len(events) - received
    if finals != 1:
        yield Violation(
            "command doubled" if finals else "command unfinished", f"{operation}: {finals} final events"
        )


def _folds(history: History) -> Iterator[Violation]:
    for fold in history.folds:
        if fold.followed != fold.listed:
            keys = {
                k
                for k in fold.followed.keys() | fold.listed.keys()
                if fold.followed.get(k) != fold.listed.get(k)
            }
            yield Violation(
                "dashboard", f"{fold.who} at {fold.seq}: {len(keys)} instances differ, as {min(keys)}"
            )


def _lists(history: History, lease: float) -> Iterator[Violation]:
    """A name may be listed while its user is connected, and for ``lease`` plus outages after that."""
    there: dict[str, list[Presence]] = defaultdict(list)
    for presence in history.presences:
        there[presence.name].append(presence)
    stays = {name: _Stays(presences) for name, presences in there.items()}
    nowhere = _Stays([])
    for listing in history.listings:
        moment = stays.get(listing.name, nowhere).ghost_since(listing)
        shown = listing.end - moment
        if shown > lease and shown > lease + overlap(moment, listing.end, _that_touch(history, _PEOPLE)):
            yield Violation(
                "ghost", f"{listing.reader} showed {listing.name} {shown:.1f} s after they had gone"
            )


class _Stays:
    """When a user was connected, for many queries."""

    def __init__(self, presences: list[Presence]) -> None:
        ordered = sorted(presences, key=lambda presence: presence.start)
        self._starts = [presence.start for presence in ordered]
        ends = (inf if presence.end is None else presence.end for presence in ordered)
        self._until = list(accumulate(ends, max))

    def ghost_since(self, listing: Listing) -> float:
        """Return since when the user was gone when the listing ended; its end if the user was still there."""
        begun = bisect_right(self._starts, listing.end)
        left = self._until[begun - 1] if begun else listing.start
        return max(listing.start, min(left, listing.end))


def _names(history: History, bound: float) -> Iterator[Violation]:
    by_name: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for holding in history.holdings:
        by_name[holding.name].append((holding.start, holding.end, holding.owner))
    for name, holdings in by_name.items():
        holdings.sort()
        for (_, end, owner), (start, _, other) in pairwise(holdings):
            if start < end and owner != other:
                yield Violation("name held twice", f"{name} by {owner} and {other}")
    for stuck in history.stuck:
        waited = stuck.until - stuck.since
        if waited > bound and waited > bound + overlap(
            stuck.since, stuck.until, _that_touch(history, _PEOPLE)
        ):
            yield Violation("name stuck", f"{stuck.name} for {waited:.1f} s")


def max_late(history: History) -> float:
    """Return the maximum lateness of a final event in seconds, without outages; 0 if none was late."""
    received = {event.operation: event.at for event in history.events if event.type == "received"}
    finals = set(_FINAL.values())
    most = 0.0
    for event in history.events:
        begun = received.get(event.operation)
        if event.type in finals and begun is not None and event.at - begun - history.delay > most:
            most = max(most, lateness(begun, event.at, history))
    return most
