"""How much was done behind agents."""

from collections import Counter

from opsroom_contracts.cloud.commands import IMMEDIATE, Command
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.rules.agents.operations import by_operation
from tests.faults.verification.history import History


def agent_counts(history: History) -> dict[str, int]:
    """Count the operations behind agents that have ended, by how they did, and the changes outside."""
    events = [event for life in history.clouds for event in life.events if event.provider]
    ends = [
        found[-1] for found in by_operation(events).values() if Command(found[-1].command) not in IMMEDIATE
    ]
    how: Counter[str] = Counter()
    for end in ends:
        how["unknown" if end.code == UNKNOWN else end.type] += 1
    outside = Counter(event.type for event in events if not event.operation)
    agent = history.agent
    return {
        "agent operations": len(ends) - how["received"] - how["working"],
        "agent operations cancelled": how["cancelled"],
        "agent operations failed": how["failed"],
        "agent outcomes unknown": how["unknown"],
        "agent changes at once": sum(event.type in IMMEDIATE.values() for event in events),
        "carried out by the engine": len(agent.executed) if agent else 0,
        "changed outside": len(agent.outside) if agent else 0,
        **{f"{kind} outside": outside[kind] for kind in ("observed", "lost", "adopted")},
    }
