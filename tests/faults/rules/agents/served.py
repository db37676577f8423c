"""All rules of servers behind agents."""

from collections.abc import Iterator

from tests.faults.rules.agents.causes import Causes, refusals, unnoticed
from tests.faults.rules.agents.engine import engine_list
from tests.faults.rules.agents.executions import executions
from tests.faults.rules.agents.facts import consistent
from tests.faults.rules.agents.operations import operations
from tests.faults.verification.excuses import Excuses
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Bounds, Violation


def served(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Compare what the portal says of servers behind agents with what the engine did and shows."""
    agent = history.agent
    if agent is None:
        return
    life = history.cloud
    causes = Causes(agent, life.events)
    yield from operations(history, agent, bounds, excuses)
    yield from executions(history, agent)
    yield from consistent(life.events, causes)
    yield from unnoticed(agent, life.events, bounds, excuses)
    yield from refusals(agent, causes, life.events)
    yield from engine_list(agent, life.events)
