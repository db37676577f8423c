"""What the engine carried out: each operation once at most, and none that was undone."""

from collections import defaultdict
from collections.abc import Iterator

from opsroom_agent.providers.simulated.fates import fate_of
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.cloud.commands import IMMEDIATE, Command
from tests.faults.rules.agents.operations import by_operation
from tests.faults.rules.commands import EARLY_SECONDS
from tests.faults.verification.agent_history import AgentHistory, Executed
from tests.faults.verification.cloud_history import StoredEvent
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Violation

_CLOCK_SECONDS = 0.05
_UNCERTAIN = {"outcome_unknown", "vanished"}
"""Failures after which an operation may have been carried out, or may still be."""


def executions(history: History, agent: AgentHistory) -> Iterator[Violation]:
    """Compare what was carried out with how the operations ended."""
    done: dict[str, list[Executed]] = defaultdict(list)
    created: dict[str, set[str]] = defaultdict(set)
    for one in agent.executed:
        done[one.operation].append(one)
        if one.command == Command.CREATE and not one.failure:
            created[one.instance].add(one.operation)
    operations = by_operation(history.cloud.events)
    for operation, found in done.items():
        if len(found) > 1:
            yield Violation("executed twice", f"{found[0].command} {operation}: {len(found)} times")
        if operation not in operations:
            yield Violation("executed unasked", f"{found[0].command} {operation} of {found[0].instance}")
    for instance, by in created.items():
        if len(by) > 1:
            yield Violation("created twice", f"{instance} by {sorted(by)}")
    settings = SimulatedSettings(simulated_failure_rate=agent.failure_rate)
    for operation, events in operations.items():
        if Command(events[0].command) in IMMEDIATE:
            continue
        fails = agent.records and fate_of(operation, settings).fails
        yield from _operation(history, agent, events, done.get(operation, []), fails)


def _operation(
    history: History, agent: AgentHistory, events: list[StoredEvent], done: list[Executed], fails: bool
) -> Iterator[Violation]:
    received, final = events[0], events[-1]
    name = f"{received.command} {received.operation}"
    for one in done:
        if (one.command, one.instance) != (received.command, received.instance):
            yield Violation("executed unasked", f"{name} was carried out as {one.command} {one.instance}")
        if one.at < received.at + history.delay - EARLY_SECONDS - _CLOCK_SECONDS:
            yield Violation("executed early", f"{name}: {one.at - received.at:.3f} s after its acceptance")
    if final.type == "cancelled" and done:
        yield Violation("undone and executed", name)
    if not agent.records or final.type in {"received", "working", "cancelled"}:
        return
    if final.type == "failed":
        if final.code not in _UNCERTAIN and (not done or not done[0].failure or not fails):
            yield Violation("outcome wrong", f"{name} failed ({final.code}), and the engine says {done}")
        return
    deadline = agent.create_deadline if Command(received.command) is Command.CREATE else agent.deadline
    due = received.due or received.at + history.delay
    seen_at_the_deadline = final.at >= due + deadline - _CLOCK_SECONDS
    carried_out = bool(done) and not done[0].failure and done[0].at <= final.at + _CLOCK_SECONDS
    if not carried_out and not seen_at_the_deadline:
        yield Violation("outcome wrong", f"{name} came to {final.type}, and the engine says {done}")
