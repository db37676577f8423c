"""The result of a session: cases, findings, waits and resources."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.resources import ResourceUsage
from tests.fuzz.witnesses.stopwatch import Report

ENOUGH = 20
"""The number of findings after which a session ends."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """The result of a session. ``findings``: all findings in full; it should be empty.

    ``waits``: the seconds of each message of the canaries. ``longest``: the longest wait by kind, in seconds,
    and without what the machine is to blame for. ``unconfirmed``: how often a wait was too long, but not
    again with the same cases.
    """

    cases: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    findings_by_kind: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    longest: dict[str, tuple[float, float]] = field(default_factory=dict)
    measured: Counter[str] = field(default_factory=Counter)
    unconfirmed: int = 0
    before: ResourceUsage | None = None
    after: ResourceUsage | None = None
    peak_mib: float = 0.0

    def add_finding(self, kind: str, what: str) -> None:
        """Record a finding."""
        self.findings_by_kind[kind] += 1
        self.findings.append(f"{kind}: {what[:3000]}")
        log.warning("%s: %s", kind, what[:500])

    def add_waits(self, report: Report) -> None:
        """Record what the stopwatch measured."""
        self.measured.update(report.counts)
        for kind, seconds in report.worst.items():
            known = self.longest.get(kind, (0.0, 0.0))
            self.longest[kind] = max(known[0], seconds), max(known[1], report.worst_counted[kind])


class Enough(BaseException):
    """Too many findings: the session ends. A BaseException, so that Hypothesis does not shrink it."""
