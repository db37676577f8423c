"""Approvals: an operation goes on only if enough others have approved it, and one decision counts."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.rules.commands import EARLY_SECONDS
from tests.faults.verification.cloud_history import CloudLife, Decided, StoredEvent
from tests.faults.verification.verdict import Violation

_DECISIONS = frozenset({"received", "denied", "expired"})
_ENDS = _DECISIONS | {"cancelled"}
"""What ends a wait."""
_TYPES = {"approve": "approved", "deny": "denied"}
"""The event of each decision."""


def approvals(life: CloudLife, *, open_end: bool = False) -> Iterator[Violation]:
    """Judge the operations that were requested, and what came of the decisions about them.

    ``open_end``: the stream was replaced, so that what was due may be missing.
    """
    by_operation: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in life.events:
        if event.operation:
            by_operation[event.operation].append(event)
    for operation, events in by_operation.items():
        yield from _operation(operation, events)
    for decision in life.decisions:
        events = by_operation.get(decision.operation, [])
        if not (decision.code and open_end):
            yield from _decided(decision, events)


def _operation(operation: str, events: list[StoredEvent]) -> Iterator[Violation]:
    requests = [event for event in events if event.type == "requested"]
    votes = [event for event in events if event.type == "approved"]
    if not requests:
        if votes:
            yield Violation("approval", f"{operation} was approved and never requested")
        return
    if len(requests) > 1:
        yield Violation("approval", f"{operation} was requested {len(requests)} times")
    request = requests[0]
    decisions = [event for event in events if event.type in _DECISIONS]
    if len(decisions) > 1:
        yield Violation("approval doubled", f"{operation}: {', '.join(one.type for one in decisions)}")
    yield from _votes(request, votes)
    alone = any(vote.alone for vote in votes)
    for decision in decisions:
        before = [vote for vote in votes if vote.seq < decision.seq]
        if decision.type == "received" and not alone and len(before) < request.need:
            yield Violation("not approved", f"{operation}: {len(before)} of {request.need} have approved")
        if decision.type == "expired" and decision.at < request.due - EARLY_SECONDS:
            yield Violation("approval early", f"{operation} expired {request.due - decision.at:.3f} s early")
        if decision.type == "denied" and decision.actor == request.actor:
            yield Violation("approval by author", f"{operation} was denied by {decision.actor}")


def _decided(decision: Decided, events: list[StoredEvent]) -> Iterator[Violation]:
    """A decision that counts is stored; one that does not has come after another."""
    name = f"{decision.actor}: {decision.decision} {decision.operation}"
    if not decision.code:
        wanted = _TYPES[decision.decision], decision.actor
        if not any((event.type, event.actor) == wanted for event in events):
            yield Violation("decision lost", f"{name} was accepted and is not stored")
    elif decision.code == "not_awaiting" and not any(event.type in _ENDS for event in events):
        yield Violation("decision refused", f"{name}: {decision.code} without a reason")


def _votes(request: StoredEvent, votes: list[StoredEvent]) -> Iterator[Violation]:
    names = [vote.actor for vote in votes if not vote.alone]
    if len(set(names)) < len(names):
        yield Violation("approval doubled", f"{request.operation} was approved by {', '.join(names)}")
    if request.actor in names:
        yield Violation("approval by author", f"{request.operation} was approved by {request.actor}")
