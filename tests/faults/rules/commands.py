"""Commands: each accepted one is executed once and in time; each refusal has a reason."""

from collections import defaultdict
from collections.abc import Iterator
from math import inf

from opsroom_contracts.cloud.commands import COMMANDS, Command
from tests.faults.rules.lifecycle import Interval, intervals
from tests.faults.verification.cloud_history import Accepted, CloudLife, Conflict, StoredEvent
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Bounds, Violation

EARLY_SECONDS = 0.005
"""Timestamps are truncated to milliseconds."""
_CLOCK_SECONDS = 0.05
"""The broker's clock and ours may differ by so much, since an event is stored before it is decided upon."""
BEGINS = frozenset({"received", "requested"})
FINALS = {str(spec.command): str(spec.done) for spec in COMMANDS.values()}


def commands(history: History, life: CloudLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Each accepted command has one ``received`` and one right final event, in time.

    Those for servers behind agents follow other rules, in ``rules/agents``.
    """
    by_operation: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in life.events:
        if event.type != "retained" and not event.provider:
            by_operation[event.operation].append(event)
    for operation, events in by_operation.items():
        by_operation[operation] = without_approval(events)
    for accepted in life.accepted:
        if not accepted.provider:
            yield from _command(accepted, by_operation.get(accepted.operation, []))
    known: dict[str, str] = {}
    for accepted in life.accepted:
        if known.setdefault(accepted.key, accepted.operation) != accepted.operation:
            yield Violation("command doubled", f"{accepted.key} made two operations")
    cancelling = {one.operation for life in history.clouds for one in life.accepted if one.cancelling}
    open_end = life is not history.clouds[-1]
    for operation, events in by_operation.items():
        yield from _finished(operation, events, open_end=open_end)
        yield from _timely(events, history.delay, life, bounds, excuses)
        if any(event.type == "cancelled" for event in events) and operation not in cancelling:
            yield Violation("command cancelled", f"nobody asked to cancel {operation}")


def without_approval(events: list[StoredEvent]) -> list[StoredEvent]:
    """Return the events of an operation as if it had needed no approval; ``rules/approvals`` judges that.

    One that was never received begins with its request.
    """
    received = any(event.type == "received" for event in events)
    dropped = {"approved", "requested"} if received else {"approved"}
    return [event for event in events if event.type not in dropped]


def _command(accepted: Accepted, events: list[StoredEvent]) -> Iterator[Violation]:
    name = f"{accepted.command} {accepted.operation}"
    if not events or events[0].type not in BEGINS:
        yield Violation("command lost", f"{name} was accepted and never received")
        return
    received = events[0]
    if (received.command, received.instance) != (accepted.command, accepted.instance):
        yield Violation("command wrong", f"{name} was received as {received.command} {received.instance}")
    if accepted.actor and received.actor != accepted.actor:
        yield Violation("command wrong", f"{name} of {accepted.actor} was received of {received.actor}")
    for final in events[1:]:
        possible = {FINALS[accepted.command], "cancelled", "failed", "denied", "expired"}
        wanted = {"cancelled"} if accepted.cancelled else possible
        if final.type not in wanted:
            yield Violation("command wrong", f"{name} came to {final.type}")


def _finished(operation: str, events: list[StoredEvent], *, open_end: bool) -> Iterator[Violation]:
    received = sum(event.type in BEGINS for event in events)
    if received != 1:
        yield Violation(
            "command doubled" if received else "command unreceived", f"{operation}: {received} received"
        )
    finals = len(events) - received
    if finals > 1 or (finals == 0 and not open_end):
        yield Violation(
            "command doubled" if finals else "command unfinished", f"{operation}: {finals} final events"
        )


def _timely(
    events: list[StoredEvent], delay: float, life: CloudLife, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    if len(events) != 2 or events[1].type == "cancelled":
        return
    received, final = events
    if received.type != "received":
        return  # it was never due
    name = f"{received.command} {received.operation}"
    if final.at - received.at < delay - EARLY_SECONDS:
        yield Violation("command early", f"{name}: {final.at - received.at:.3f} s")
    # After a restore, what had ended since the backup is pending again.
    begun = max(received.at, life.began - delay)
    if final.at - begun - delay > bounds.command:
        late = lateness(begun, final.at, delay, excuses)
        if late > bounds.command:
            yield Violation("command late", f"{name}: {late:.1f} s past the delay and the outages")


def lateness(received: float, final: float, delay: float, excuses: Excuses) -> float:
    """Return the seconds past the delay, without those of outages."""
    return final - received - delay - excuses.seconds(Domain.COMMANDS, received, final)


def max_late(history: History) -> float:
    """Return the maximum lateness of a final event in seconds, without outages; 0 if none was late."""
    excuses, most = Excuses(history.outages), 0.0
    finals = {*FINALS.values(), "failed"}
    for life in history.clouds:
        received = {event.operation: event.at for event in life.events if event.type == "received"}
        for event in life.events:
            begun = received.get(event.operation)
            begun = None if begun is None else max(begun, life.began - history.delay)
            if event.provider:
                continue
            if event.type in finals and begun is not None and event.at - begun - history.delay > most:
                most = max(most, lateness(begun, event.at, history.delay, excuses))
    return most


def conflicts(life: CloudLife) -> Iterator[Violation]:
    """A command is refused only if the server was in such a state while it was asked."""
    states = intervals(life.events)
    for conflict in life.conflicts:
        meanwhile = [
            one
            for one in states.get(conflict.instance, [Interval(conflict.instance, "", "", 0.0, inf)])
            if one.start <= conflict.answered + _CLOCK_SECONDS and one.end >= conflict.asked - _CLOCK_SECONDS
        ]
        if not any(_justifies(one, conflict) for one in meanwhile):
            what = f"{conflict.command} {conflict.instance}: {conflict.code} {conflict.operation}"
            yield Violation("command refused", f"{what} without a reason")


def _justifies(state: Interval, conflict: Conflict) -> bool:
    match conflict.code:
        case "operation_pending":
            return bool(state.operation) and state.operation == conflict.operation
        case "transition_invalid":
            needs = COMMANDS[Command(conflict.command)].needs
            return bool(state.state) and state.state not in needs
        case "instance_not_found":
            return not state.state
        case _:
            return False
