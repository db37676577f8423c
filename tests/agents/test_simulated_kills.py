"""Agents of the simulated kind that are killed at any step: each operation is done once, and ends once."""

import signal
from contextlib import closing
from pathlib import Path

import pytest

from opsroom_agent.providers.simulated.engine import SimulatedEngine, read_executions
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from services.cloud.tests.harness import each_once
from tests.agents.portal import AgentPortal, wished_states

TEMPLATE = "small"


class Lab:
    """A portal with a simulated agent, and the file with what that has done."""

    def __init__(self, portal: AgentPortal) -> None:
        self.portal = portal

    def begun(self) -> int:
        """How many operations have begun and are not done."""
        with closing(SimulatedEngine(self.portal.state / "simulated.db")) as engine:
            return len(engine.begun())

    def done(self, operation: Operation) -> int:
        """How often an operation was done."""
        executions = read_executions(self.portal.state / "simulated.db")
        return sum(one.operation == operation.id for one in executions)


@pytest.fixture(params=[0.0])
def lab(
    request: pytest.FixtureRequest, broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> Lab:
    """The lab. The parameter is the share of the operations whose reply is lost after they were done."""
    environ = {
        "AGENT_NAME": "lab",
        "AGENT_PROVIDER": "simulated",
        "AGENT_SIMULATED_DELAY_SECONDS": "5",  # all must have begun before the first is done
        "AGENT_SIMULATED_LOST_REPLY_RATE": str(request.param),
    }
    return Lab(AgentPortal(broker, broker_process.url, tmp_path, environ))


async def check(lab: Lab, operations: list[Operation], ids: dict[Command, str]) -> None:
    """Check that each operation was done once and has ended once, and what the portal shows."""
    assert [await lab.portal.outcome(one) for one in operations] == [OperationStatus.DONE] * 5
    each_once(await lab.portal.cloud.kept())
    assert [lab.done(one) for one in operations] == [1] * 5
    instances = (await lab.portal.cloud.page()).instances
    assert {one.id: one.state for one in instances} == wished_states(operations, ids)


async def test_an_agent_that_is_killed_before_it_is_done(lab: Lab) -> None:
    async with lab.portal.service():
        async with lab.portal.agent() as agent:
            ids = await lab.portal.prepared(TEMPLATE)
            operations = await lab.portal.begin(ids, TEMPLATE)
            await until(lambda: lab.begun() == len(operations))
            await agent.kill()
        assert [lab.done(one) for one in operations] == [0] * 5
        async with lab.portal.agent():
            await check(lab, operations, ids)


@pytest.mark.parametrize("lab", [0.0, 1.0], indirect=True)
async def test_an_agent_that_is_killed_between_done_and_the_final_event(lab: Lab) -> None:
    """The cloud service is suspended meanwhile, so that it can't store the final event before the kill."""
    async with lab.portal.service() as cloud:
        async with lab.portal.agent() as agent:
            ids = await lab.portal.prepared(TEMPLATE)
            operations = await lab.portal.begin(ids, TEMPLATE)
            await until(lambda: lab.begun() == len(operations))
            cloud.signal(signal.SIGSTOP)
            await until(lambda: all(lab.done(one) for one in operations))
            await agent.kill()
        cloud.signal(signal.SIGCONT)
        async with lab.portal.agent():
            await check(lab, operations, ids)
