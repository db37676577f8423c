"""What the mutations of servers behind agents share."""

import random
from dataclasses import replace

from tests.faults.verification.agent_history import AgentHistory, Executed
from tests.faults.verification.cloud_history import StoredEvent
from tests.faults.verification.history import History

_ENDED = {"created", "adopted", "started", "stopped", "restarted", "removed"}


def agent_of(history: History) -> AgentHistory:
    """Return what happened at the provider."""
    assert history.agent is not None
    return history.agent


def end_of(history: History, rng: random.Random, *commands: str) -> StoredEvent:
    """Return the final event of an operation that has succeeded."""
    ends = [one for one in history.cloud.events if one.type in _ENDED and one.operation]
    return rng.choice([one for one in ends if not commands or one.command in commands])


def received_of(history: History, final: StoredEvent) -> StoredEvent:
    """Return the event that began the operation of an event."""
    return next(one for one in history.cloud.events if one.operation == final.operation)


def change(history: History, event: StoredEvent, **changes: object) -> None:
    """Replace an event."""
    place = history.cloud.events.index(event)
    history.cloud.events[place] = replace(event, **changes)  # type: ignore[arg-type]


def change_facts(history: History, event: StoredEvent, **changes: object) -> None:
    """Replace facts in an event."""
    change(history, event, facts=replace(event.facts, **changes))  # type: ignore[arg-type]


def execution_of(history: History, operation: str) -> Executed:
    """Return what the engine did for an operation."""
    return next(one for one in agent_of(history).executed if one.operation == operation)
