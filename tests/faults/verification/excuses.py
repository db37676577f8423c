"""Excuses: what each kind of fault may delay, and for how long at most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.nemesis.plan import FaultKind
from tests.faults.verification.history import Outage

OTHERS_SECONDS = 15.0
"""A delay is excused by the longest outage in it, and by no more than this of all others together."""


class Domain(StrEnum):
    """What is judged over time."""

    LISTS = "lists"
    NAMES = "names"
    COMMANDS = "commands"
    DELIVERIES = "deliveries"
    REQUESTS = "requests"
    SERVERS = "servers"
    """Operations on servers behind agents, and changes of these servers outside."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """What a kind of fault may delay, until ``recovery`` seconds after it was healed."""

    domains: frozenset[Domain]
    recovery: float
    local: frozenset[Domain] = field(default_factory=frozenset)
    """Only for clients of the affected process."""


LEASE_RECOVERY = 22.0
"""The lease of a killed agent lasts 15 s, another one looks every second, and the portal asks every 5 s."""
_ALL = frozenset(Domain)
_CHAT = frozenset({Domain.LISTS, Domain.NAMES})
_CLOUD = frozenset({Domain.COMMANDS, Domain.SERVERS})
_SERVED = frozenset({Domain.SERVERS})
_NONE = Excuse(frozenset(), 0.0)
"""One of several processes is gone: the others take over within the bounds."""
_READING = frozenset({Domain.LISTS, Domain.DELIVERIES})
_STALE = Excuse(_READING | {Domain.NAMES}, 4.0, _READING)
"""A gateway that can't read: its readers have old lists, and users who leave there leave late."""
_OWN = Excuse(frozenset({Domain.DELIVERIES}), 4.0, frozenset({Domain.DELIVERIES}))

EXCUSES: dict[FaultKind, Excuse] = {
    FaultKind.GATEWAY_KILL: _NONE,
    FaultKind.GATEWAY_TERM: _NONE,
    FaultKind.GATEWAY_PAUSE: _STALE,
    FaultKind.GATEWAY_SLEEP: Excuse(_STALE.domains | {Domain.REQUESTS}, 4.0, _READING),
    FaultKind.GATEWAY_CUT: _STALE,
    FaultKind.GATEWAY_STALL: _STALE,
    FaultKind.CHAT_KILL: _NONE,
    FaultKind.CHAT_TERM: _NONE,
    FaultKind.CHAT_PAUSE: Excuse(_CHAT, 2.0),
    FaultKind.CHAT_SLEEP: Excuse(_CHAT, 2.0),
    FaultKind.CHAT_KILL_IN_SEND: _NONE,
    FaultKind.CHAT_KILL_ALL: Excuse(_CHAT, 4.0),
    FaultKind.CLOUD_KILL: _NONE,
    FaultKind.CLOUD_TERM: _NONE,
    FaultKind.CLOUD_PAUSE: Excuse(_CLOUD, 2.0),
    FaultKind.CLOUD_SLEEP: Excuse(_CLOUD, 2.0),
    FaultKind.CLOUD_KILL_ACCEPTING: Excuse(_CLOUD, 4.0),
    FaultKind.CLOUD_KILL_FINISHING: Excuse(_CLOUD, 4.0),
    FaultKind.BROKER_KILL: Excuse(_ALL, 6.0),
    FaultKind.BROKER_TERM: Excuse(_ALL, 6.0),
    FaultKind.BROKER_PAUSE: Excuse(_ALL, 5.0),
    FaultKind.BROKER_SLEEP: Excuse(_ALL, 10.0),
    FaultKind.BROKER_FULL: Excuse(_ALL, 6.0),
    FaultKind.LEADER_KILL: Excuse(_ALL, 10.0),
    FaultKind.NODE_CUT: Excuse(_ALL, 10.0),
    FaultKind.READER_CUT: _OWN,
    FaultKind.READER_SLOW: _OWN,
    FaultKind.READER_HALF_OPEN: _OWN,
    FaultKind.CLOCK_STEP: Excuse(_CLOUD | {Domain.LISTS, Domain.NAMES}, 3.0),
    FaultKind.ROLLING: _NONE,
    FaultKind.RESTORE: Excuse(_ALL, 12.0),
    FaultKind.STREAM_RECREATED: Excuse(_CHAT | {Domain.DELIVERIES, Domain.REQUESTS}, 12.0),
    FaultKind.AGENT_KILL: Excuse(_SERVED, LEASE_RECOVERY),
    FaultKind.AGENT_TERM: Excuse(_SERVED, 6.0),
    FaultKind.AGENT_PAUSE: Excuse(_SERVED, 6.0),
    FaultKind.AGENT_SLEEP: Excuse(_SERVED, 6.0),
    FaultKind.AGENT_CUT: Excuse(_SERVED, 8.0),
    FaultKind.AGENT_KILL_WORKING: Excuse(_SERVED, LEASE_RECOVERY),
    FaultKind.CLOUD_KILL_WORKING: Excuse(_CLOUD, 4.0),
    FaultKind.ENGINE_AWAY: Excuse(_SERVED, 6.0),
    FaultKind.SERVER_CRASHED: _NONE,
    FaultKind.SERVER_STOPPED: _NONE,
    FaultKind.SERVER_REMOVED: _NONE,
    FaultKind.SERVER_APPEARED: _NONE,
}


@dataclass(frozen=True, slots=True)
class _Span:
    start: float
    end: float
    where: str
    excuse: Excuse


class Excuses:
    """The outages of a run, bounded by kind."""

    def __init__(self, outages: Iterable[Outage]) -> None:
        self._spans = sorted((_span(outage) for outage in outages), key=lambda span: span.start)

    def seconds(self, domain: Domain, start: float, end: float, *places: str) -> float:
        """Return how many seconds from ``start`` to ``end`` are excused.

        ``places``: the gateways and clients in question; none: any.
        """
        spans = self._relevant(domain, places)
        longest = max((min(span.end, end) - max(span.start, start) for span in spans), default=0.0)
        return min(covered(start, end, spans), max(longest, 0.0) + OTHERS_SECONDS)

    def judged(self, domain: Domain, start: float, end: float, places: Sequence[str]) -> float:
        """Return the share of the time that is judged, 0 to 1: the mean over ``places``."""
        if end <= start:
            return 1.0
        shares = [covered(start, end, self._relevant(domain, (place,))) / (end - start) for place in places]
        return 1.0 - sum(shares) / len(shares)

    def _relevant(self, domain: Domain, places: Sequence[str]) -> list[_Span]:
        return [
            span
            for span in self._spans
            if domain in span.excuse.domains
            and (domain not in span.excuse.local or not places or span.where in places)
        ]


def _span(outage: Outage) -> _Span:
    excuse = EXCUSES[FaultKind(outage.kind)]
    return _Span(outage.start, outage.healed + min(outage.felt, excuse.recovery), outage.where, excuse)


def covered(start: float, end: float, spans: Iterable[_Span]) -> float:
    """Return how many seconds from ``start`` to ``end`` are in ``spans``, ordered by start, each once."""
    total, reached = 0.0, start
    for span in spans:
        if span.start >= end:
            break
        begin, stop = max(span.start, reached), min(span.end, end)
        total += max(0.0, stop - begin)
        reached = max(reached, stop)
    return total
