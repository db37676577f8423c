"""Names and requests: one holder at a time, free again in time, and no request fails without an end."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.nemesis.plan import FaultKind
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Bounds, Violation


def names(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """A name has one holder, and can be claimed soon after it has none."""
    by_name: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for holding in history.holdings:
        by_name[holding.name].append((holding.start, holding.end, holding.owner))
    for name, holdings in by_name.items():
        holdings.sort()
        for (_, end, owner), (start, _, other) in pairwise(holdings):
            if start < end and owner != other:
                yield Violation("name held twice", f"{name} by {owner} and {other}")
    restores = [one.healed for one in history.outages if one.kind == FaultKind.RESTORE]
    for stuck in history.stuck:
        held = [min(end, stuck.until) for start, end, _ in by_name[stuck.name] if start < stuck.until]
        # A restore brings back the claims of the backup, which expire from then on.
        restored = [end for end in restores if stuck.since < end < stuck.until]
        since = max([stuck.since, *held, *restored])
        waited = stuck.until - since
        if waited > bounds.name and waited > bounds.name + excuses.seconds(Domain.NAMES, since, stuck.until):
            how = "" if stuck.granted else ", to the end"
            yield Violation("name stuck", f"{stuck.name} for {waited:.1f} s{how}")


def waits(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Whatever a client tries again and again succeeds in time."""
    for wait in history.waits:
        lasted = wait.end - wait.start
        if lasted <= bounds.request:
            continue
        if lasted > bounds.request + excuses.seconds(Domain.REQUESTS, wait.start, wait.end):
            yield Violation("unavailable", f"{wait.who} tried {wait.what} for {lasted:.1f} s")
