"""Changes outside the portal: each that it reports has a cause, and each cause is reported."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opsroom_contracts.cloud.commands import Command
from tests.faults.rules.agents.operations import by_operation
from tests.faults.verification.agent_history import AgentHistory, OutsideChange, OutsideKind
from tests.faults.verification.cloud_history import StoredEvent
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.verdict import Bounds, Violation

LOOK_SECONDS = 10.0
"""How old an observation may be when it is stored: so a change may be older than what was stored last."""
UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """Something may have changed at the engine between ``begun`` and ``ended``; ``kind`` as outside."""

    kind: OutsideKind
    begun: float
    ended: float


class Causes:
    """What may have changed each server without an event of an operation that says so."""

    def __init__(self, agent: AgentHistory, events: list[StoredEvent]) -> None:
        self._by_server: dict[str, list[Cause]] = defaultdict(list)
        owners = {one.facts.resource: one.instance for one in events if one.facts.resource}
        for change in agent.outside:
            instance = owner_of(change, owners)
            self._by_server[instance].append(Cause(change.kind, change.begun, change.ended))
        self._add_late_work(agent, events)

    def _add_late_work(self, agent: AgentHistory, events: list[StoredEvent]) -> None:
        """Add what was done after its operation had ended, because its outcome was unknown at its deadline.

        Of an engine that keeps no record, that may have been at any time soon after it.
        """
        operations = by_operation(events)
        for one in agent.executed:
            end = operations[one.operation][-1] if one.operation in operations else None
            late = end is not None and end.type == "failed" and one.at > end.at - LOOK_SECONDS
            if end is not None and late and not one.failure:
                self._add(end, one.at, one.at)
        for found in operations.values():
            begun, end = found[0], found[-1]
            creates = Command(begun.command) is Command.CREATE
            deadline = begun.due + (agent.create_deadline if creates else agent.deadline)
            if end.code == UNKNOWN or (not agent.records and end.at > deadline - 1.0):
                self._add(end, end.at, end.at + (0.0 if agent.records else agent.deadline))

    def _add(self, end: StoredEvent, begun: float, ended: float) -> None:
        kinds = {Command.CREATE: OutsideKind.APPEARED, Command.REMOVE: OutsideKind.REMOVED}
        kind = kinds.get(Command(end.command), OutsideKind.STOPPED)
        self._by_server[end.instance].append(Cause(kind, begun, ended))

    def explain(self, instance: str, since: float, until: float, kinds: Iterable[OutsideKind]) -> bool:
        """Whether the server may have changed so, after it was looked at ``since`` and before ``until``."""
        wanted = set(kinds)
        return any(
            one.kind in wanted and one.begun <= until + 0.05 and one.ended >= since - LOOK_SECONDS
            for one in self._by_server.get(instance, [])
        )


def owner_of(change: OutsideChange, owners: dict[str, str]) -> str:
    """Return the server that was changed; ``owners``: the adopted ones, by what the provider calls them."""
    return owners.get(change.resource) or change.instance


def unnoticed(
    agent: AgentHistory, events: list[StoredEvent], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """What changes outside is shown soon: some event of the server follows.

    A server that nobody has seen, and that was gone before it had to be shown, need not be shown.
    """
    times: dict[str, list[float]] = defaultdict(list)
    for event in events:
        times[event.instance].append(event.at)
    owners = {one.facts.resource: one.instance for one in events if one.facts.resource}
    changes = [(owner_of(change, owners), change) for change in agent.outside]
    for instance, change in changes:
        if not instance or change.kind is OutsideKind.STOPPED:
            continue  # what can be adopted is no server yet; what was stopped may have been so
        if change.kind is OutsideKind.REMOVED and not times[instance]:
            continue  # nothing can be shown of it; that it was not shown itself is judged by when it appeared
        gone = min(
            (one.begun for owner, one in changes if owner == instance and _undoes(one, change)),
            default=agent.looked,
        )
        shown = next((at for at in times[instance] if at >= change.begun - 0.05), agent.looked)
        seen = min(shown, gone)
        behind = seen - change.ended
        if behind > bounds.seen + excuses.seconds(Domain.SERVERS, change.ended, seen):
            yield Violation(
                "server stale", f"{instance} was {change.kind} {behind:.1f} s before that was shown"
            )


def _undoes(later: OutsideChange, change: OutsideChange) -> bool:
    """Whether nothing of ``change`` is left after ``later``."""
    appeared = change.kind is OutsideKind.APPEARED
    return appeared and later.kind is OutsideKind.REMOVED and later.begun >= change.ended


def refusals(agent: AgentHistory, causes: Causes, events: list[StoredEvent]) -> Iterator[Violation]:
    """A command is refused because its server was removed outside, is protected, or its name is taken."""
    protected = {one.instance for one in events if one.facts.protected}
    for one in agent.refused:
        match one.code:
            case "transition_invalid":
                reason = causes.explain(one.instance, 0.0, one.at, (OutsideKind.REMOVED,)) or not one.instance
            case "protected":
                reason = one.instance in protected
            case _:
                reason = one.command == "create"
        if not reason:
            yield Violation("operation refused", f"{one.command} {one.instance}: {one.code} without a reason")
