"""Operations behind agents: each ends once, never before it is due, and late by no more than an outage."""

from collections import defaultdict
from collections.abc import Iterator

from opsroom_contracts.cloud.commands import DONE, IMMEDIATE, Command
from tests.faults.rules.commands import EARLY_SECONDS
from tests.faults.verification.agent_history import AgentHistory
from tests.faults.verification.cloud_history import Accepted, StoredEvent
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Bounds, Violation

_UNDERWAY = {"received", "working"}
_BADLY = {"cancelled", "failed"}


def by_operation(events: list[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """Return the events of each operation behind an agent, in order."""
    found: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in events:
        if event.provider and event.operation and event.type != "retained":
            found[event.operation].append(event)
    return found


def operations(
    history: History, agent: AgentHistory, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """Each accepted operation has its events: one beginning, one end, and work in between."""
    life = history.cloud
    found = by_operation(life.events)
    cancelling = {one.operation for one in life.accepted if one.cancelling}
    for accepted in life.accepted:
        if accepted.provider:
            yield from _accepted(accepted, found.get(accepted.operation, []))
    for operation, events in found.items():
        if Command(events[0].command) in IMMEDIATE:
            if len(events) != 1 or events[0].type != IMMEDIATE[Command(events[0].command)]:
                yield Violation("operation doubled", f"{operation}: {_types(events)}")
            continue
        yield from _shape(operation, events)
        yield from _timely(history, agent, events, bounds, excuses)
        if any(event.type == "cancelled" for event in events) and operation not in cancelling:
            yield Violation("operation cancelled", f"nobody asked to cancel {operation}")


def _accepted(accepted: Accepted, events: list[StoredEvent]) -> Iterator[Violation]:
    name = f"{accepted.command} {accepted.operation}"
    if not events:
        yield Violation("operation lost", f"{name} was accepted and never received")
        return
    first, last = events[0], events[-1]
    if (first.command, first.instance) != (accepted.command, accepted.instance):
        yield Violation("operation wrong", f"{name} was received as {first.command} {first.instance}")
    if accepted.actor and first.actor != accepted.actor:
        yield Violation("operation wrong", f"{name} of {accepted.actor} was received of {first.actor}")
    if accepted.cancelled and last.type != "cancelled":
        yield Violation("operation wrong", f"{name} was cancelled and came to {last.type}")
    said = {"rename": last.facts.name, "label": last.facts.labels}.get(accepted.command, "")
    if accepted.wish and accepted.command in {"rename", "label"} and not _has(said, accepted.wish):
        yield Violation("operation wrong", f"{name} made {said!r} of {accepted.wish!r}")


def _has(said: str, wish: str) -> bool:
    """Whether all labels that were wished for are among the labels; a name is itself."""
    return said == wish or set(wish.split(",")) <= set(said.split(","))


def _shape(operation: str, events: list[StoredEvent]) -> Iterator[Violation]:
    received = sum(event.type == "received" for event in events)
    finals = [event for event in events if event.type not in _UNDERWAY]
    if received != 1 or events[0].type != "received":
        yield Violation(
            "operation doubled" if received else "operation lost", f"{operation}: {_types(events)}"
        )
    if not finals:
        yield Violation("operation unfinished", f"{operation}: {_types(events)}")
    elif len(finals) > 1 or events[-1].type in _UNDERWAY:
        yield Violation("operation doubled", f"{operation}: {_types(events)}")
    for final in finals:
        if final.type not in _BADLY and final.type != DONE[Command(events[0].command)]:
            yield Violation("operation wrong", f"{operation}, {events[0].command}: {_types(events)}")
    if any(event.type == "cancelled" for event in finals) and len(events) > 2:
        yield Violation("operation undone", f"{operation} was cancelled while it was worked on")


def _timely(
    history: History, agent: AgentHistory, events: list[StoredEvent], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    received, name = events[0], f"{events[0].command} {events[0].operation}"
    due = received.at + history.delay
    for event in events[1:]:
        if event.type != "cancelled" and event.at < due - EARLY_SECONDS:
            yield Violation(
                "operation early", f"{name}: {event.type} {due - event.at:.3f} s before it is due"
            )
    final = events[-1]
    late = final.at - due - agent.work
    if final.type in {"cancelled", *_UNDERWAY} or late <= bounds.served:
        return
    late -= excuses.seconds(Domain.SERVERS, received.at, final.at)
    if late > bounds.served:
        yield Violation("operation late", f"{name}: {late:.1f} s past its work and the outages")


def _types(events: list[StoredEvent]) -> str:
    return ", ".join(event.type for event in events)
