"""Agents of an engine that are killed at any step: each operation ends once, with the true state."""

import asyncio
import signal
from pathlib import Path

import pytest

from opsroom_contracts.cloud.commands import Command
from opsroom_testkit.waiting import until
from tests.agents.docker_rig import TEMPLATE, Rig
from tests.agents.engine_proxy import Where


@pytest.mark.parametrize("where", list(Where))
async def test_an_agent_that_is_killed_before_or_after_the_engine_has_done_it(rig: Rig, where: Where) -> None:
    async with rig.portal.service():
        async with rig.portal.agent() as agent:
            ids = await rig.portal.prepared(TEMPLATE)
            holds = rig.hold_all(where)
            before = await rig.started_at(ids[Command.RESTART])
            operations = await rig.portal.begin(ids, TEMPLATE)
            async with asyncio.timeout(30):
                await asyncio.gather(*(hold.reached.wait() for hold in holds))
            restarted = await rig.started_at(ids[Command.RESTART])
            assert (restarted == before) is (where is Where.BEFORE)
            await agent.kill()
        async with rig.portal.agent():
            await rig.check(operations, ids)
            at_end = await rig.started_at(ids[Command.RESTART])
            assert at_end != before
            assert where is Where.BEFORE or at_end == restarted, "it was restarted twice"


async def test_portal_and_agent_are_killed_after_the_agent_has_finished_and_before_it_could_say_so(
    rig: Rig,
) -> None:
    async with rig.portal.service() as cloud, rig.portal.agent() as agent:
        ids = await rig.portal.prepared(TEMPLATE)
        holds = rig.hold_all(Where.BEFORE)
        operations = await rig.portal.begin(ids, TEMPLATE)
        async with asyncio.timeout(30):
            await asyncio.gather(*(hold.reached.wait() for hold in holds))
        cloud.signal(signal.SIGSTOP)
        for hold in holds:
            hold.released.set()
        await until(lambda: all(finished(rig.portal.state, one.id) for one in operations))
        restarted = await rig.started_at(ids[Command.RESTART])
        await agent.kill()
        await cloud.kill()
    async with rig.portal.service(), rig.portal.agent():
        await rig.check(operations, ids)
        assert await rig.started_at(ids[Command.RESTART]) == restarted


def finished(state: Path, operation_id: str) -> bool:
    """Whether the agent's journal has the outcome of an operation."""
    path = state / "operations" / f"{operation_id}.json"
    return path.exists() and '"reply"' in path.read_text()
