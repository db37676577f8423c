"""Lists of users: nobody is shown long after they left, and everybody who is connected is shown."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf

from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import Connected, History, Listing, Presence
from tests.faults.verification.verdict import Bounds, Violation


def ghosts(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """A name may be listed while its user is connected, and for the lease plus outages after that."""
    there: dict[str, list[Presence]] = defaultdict(list)
    for presence in history.presences:
        there[presence.name].append(presence)
    stays = {name: _Stays(presences) for name, presences in there.items()}
    nowhere = _Stays([])
    for listing in history.listings:
        moment = stays.get(listing.name, nowhere).ghost_since(listing)
        shown = listing.end - moment
        if shown > bounds.lease and shown > bounds.lease + excuses.seconds(Domain.LISTS, moment, listing.end):
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


def absences(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Each connected user is on the list of every other one."""
    shown: dict[tuple[str, str], list[Listing]] = defaultdict(list)
    for listing in history.listings:
        shown[listing.reader, listing.name].append(listing)
    for listings in shown.values():
        listings.sort(key=lambda one: one.start)
    people = sorted(history.connected, key=lambda one: one.start)
    starts = [one.start for one in people]
    longest = max((one.end - one.start for one in people), default=0.0)
    for viewer in people:
        if not viewer.reads or viewer.end - viewer.start <= bounds.shown:
            continue
        first = bisect_left(starts, viewer.start - longest)
        for person in people[first : bisect_right(starts, viewer.end - bounds.shown)]:
            yield from _absence(viewer, person, shown.get((viewer.name, person.name), []), bounds, excuses)


def _absence(
    viewer: Connected, person: Connected, shown: Sequence[Listing], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    start, end = max(viewer.start, person.start), min(viewer.end, person.end)
    for since, until in _gaps(start, end, shown):
        if until - since <= bounds.shown:
            continue
        excused = excuses.seconds(Domain.LISTS, since, until, viewer.where, person.where, viewer.name)
        if until - since > bounds.shown + excused:
            yield Violation(
                "absent", f"{viewer.name} did not show {person.name} for {until - since:.1f} s of their stay"
            )


def _gaps(start: float, end: float, shown: Sequence[Listing]) -> Iterator[tuple[float, float]]:
    """Return the times from ``start`` to ``end`` without a listing."""
    reached = start
    for listing in shown:
        if listing.end <= reached:
            continue
        if listing.start >= end:
            break
        if listing.start > reached:
            yield reached, listing.start
        reached = listing.end
    if reached < end:
        yield reached, end
