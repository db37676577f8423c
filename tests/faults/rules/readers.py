"""Readers of a stream: each event once, in order and in time, through every resume."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opsroom_contracts.subjects import is_created_room
from tests.faults.rules.messages import first_retained
from tests.faults.rules.team.visibility import RoomFacts, erased
from tests.faults.verification.cloud_history import CloudLife
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import ChatLife, History
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.seqs import Seqs
from tests.faults.verification.verdict import Bounds, Violation

_RESET_SECONDS = 5.0
"""How exactly it is known when a stream dropped its oldest messages."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A stream as readers must see it.

    ``stored``: sequence and time of each event that everybody gets, ascending. ``optional``: sequences that a
    reader may miss, because the message was removed or edited. ``rooms``: the events that members get.
    ``kept``: those up to it come from the life before. ``limit``: missed sequences beyond which a reader may
    be reset. ``chat``: knows which messages have expired.
    """

    what: str
    stored: Sequence[tuple[int, float]]
    optional: frozenset[int]
    kept: int | None
    limit: int
    chat: ChatLife | None = None
    rooms: RoomFacts | None = None


def message_stream(history: History, life: ChatLife) -> StreamFacts:
    """Return the facts of the chat's stream."""
    optional = erased(life)
    stored = [(one.seq, one.at) for one in life.events() if not is_created_room(one.room)]
    return StreamFacts(
        "message",
        stored,
        optional,
        life.kept,
        history.replay_limit,
        life,
        RoomFacts(life, optional),
    )


def event_stream(life: CloudLife) -> StreamFacts:
    """Return the facts of the stream of servers' events; it has no limit of replays."""
    stored = [(event.seq, event.at) for event in life.events if event.type != "retained"]
    return StreamFacts("event", stored, frozenset(), life.kept, 2**62)


def readers(seen: Iterable[Reader], stream: StreamFacts) -> Iterator[Violation]:
    """Each reader saw all events after its start, once, in order, through every resume."""
    alive = Seqs(seq for seq, _ in stream.stored if seq not in stream.optional)
    last = max(alive.last, 0)
    for reader in seen:
        before: int | None = None
        for segment in reader.segments:
            yield from _resumed(reader.name, segment, before, stream)
            most = max(segment.seqs.most() or 0, segment.idle)
            there = alive.within(segment.after, most)
            of_rooms = set() if stream.rooms is None else stream.rooms.of_rooms(segment)
            ignored = (stream.optional & set(segment.seqs) if stream.optional else set()) | of_rooms
            saw = segment.seqs.without(ignored)
            if segment.seqs.runs() != there and saw.runs() != there:
                seqs = [seq for first, end in there for seq in range(first, end + 1)]
                yield from _difference(stream.what, reader.name, list(saw), seqs)
            yield from _ascending(stream, reader.name, segment)
            # A connection that was lost right after its welcome says nothing about where it resumed.
            if len(segment.seqs) or segment.idle >= 0 or segment.reset or segment.fresh or before is not None:
                before = segment.last
        if reader.stayed and (before or 0) < last:
            yield Violation(f"{stream.what} missed", f"{reader.name} stayed, and saw {before} last of {last}")


def _ascending(stream: StreamFacts, name: str, segment: Segment) -> Iterator[Violation]:
    """What may be missing must not come twice or out of order either."""
    if all(a < b for (_, a), (b, _) in pairwise(segment.seqs.runs())):
        return
    twice = [seq for seq, count in Counter(segment.seqs).items() if count > 1]
    yield Violation(f"{stream.what} {'doubled' if twice else 'order'}", f"{name}: around {segment.after}")


def _resumed(name: str, segment: Segment, before: int | None, stream: StreamFacts) -> Iterator[Violation]:
    what = stream.what
    if before is None:
        asked = not (segment.reset or segment.fresh) and len(segment.seqs)
        if asked and stream.kept is not None and segment.after > stream.kept:
            yield Violation(
                f"{what} resumed elsewhere",
                f"{name}: after {segment.after} of an earlier life of the stream, which had {stream.kept}",
            )
        return
    if not segment.reset:
        if segment.after != before and not segment.fresh:
            yield Violation(f"{what} resumed elsewhere", f"{name}: after {segment.after}, had {before}")
        return
    if segment.renewed:
        return
    at = segment.opened + _RESET_SECONDS
    expired = stream.chat is not None and first_retained(stream.chat, at) > before + 1
    if segment.opened and segment.after - before <= stream.limit and not expired:
        yield Violation(
            f"{what} reset", f"{name}: had {before}, and was reset to {segment.after} without a reason"
        )


def epochs(readers: Iterable[Reader], kept: int | None, nodes: int, what: str) -> Iterator[Violation]:
    """The epoch of a stream changes only after a restore, and then at most once for each broker node.

    Two processes that notice the same may store two epochs, one after the other.
    """
    told = {segment.epoch for reader in readers for segment in reader.segments if segment.epoch}
    most = 1 + 2 * (nodes if kept else 1)
    if len(told) > most:
        yield Violation("epoch changed", f"readers of {what}s were told {len(told)} epochs of one stream")


def stale(life: ChatLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """No reader is left with a stream that was deleted: its gateway notices, and resets it."""
    for reader in life.readers:
        for segment in reader.segments:
            lasted = segment.closed - life.ended
            excused = excuses.seconds(
                Domain.DELIVERIES, life.ended, segment.closed, segment.where, reader.name
            )
            if lasted > bounds.noticed + excused:
                yield Violation("message stale", f"{reader.name} read a deleted stream for {lasted:.1f} s")


def _difference(what: str, name: str, seen: list[int], stream: list[int]) -> Iterator[Violation]:
    doubled = [seq for seq, count in Counter(seen).items() if count > 1]
    missed = sorted(set(stream) - set(seen))
    invented = sorted(set(seen) - set(stream))
    for rule, found in (("doubled", doubled), ("missed", missed), ("invented", invented)):
        if found:
            yield Violation(f"{what} {rule}", f"{name}: {len(found)}, the first {found[:3]}")
    if not (doubled or missed or invented):
        yield Violation(f"{what} order", f"{name} saw them in another order")


def deliveries(
    seen: Iterable[Reader], stream: StreamFacts, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """What is stored reaches every connected reader in time."""
    stored = [(seq, at) for seq, at in stream.stored if seq not in stream.optional]
    order = [seq for seq, _ in stored]
    for reader in seen:
        for segment in reader.segments:
            if not segment.opened:
                continue
            samples = [(segment.opened, segment.after), *segment.arrivals.samples(), (segment.closed, -1)]
            for (_, had), (until, _) in pairwise(samples):
                place = bisect_right(order, had)
                if place == len(order):
                    continue
                seq, at = stored[place]
                since = max(at, segment.opened)
                if until - since <= bounds.delivered:
                    continue
                places = (segment.where, reader.name)
                excused = excuses.seconds(Domain.DELIVERIES, since, until, *places)
                if until - since > bounds.delivered + excused:
                    yield Violation(
                        f"{stream.what} late", f"{reader.name} waited {until - since:.1f} s for {seq}"
                    )
                    break
