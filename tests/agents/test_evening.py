"""The evening of an incident in processes, which are killed (SIGKILL) while it goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsroom_contracts.cloud.commands import EventType
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import each_once
from tests.agents.docker_rig import Rig
from tests.agents.evening import Evening, Kill, TokenFile, Town, environs, judge, town
from tests.agents.processes import Processes, running

KILLED = ("chat", "incidents", "cloud", "gateway")
"""What is killed, one after the other; not the agent, whose lease takes long to expire."""


@asynccontextmanager
async def portal_of(rig: Rig, url: str, folder: Path) -> AsyncIterator[tuple[Town, Processes]]:
    """Run all processes, with the people and the hook."""
    tokens = TokenFile(folder / "tokens")
    async with running(folder, environs(rig.portal, url, tokens.file)) as processes:
        async with town(processes, tokens) as made:
            yield made, processes


async def lived(rig: Rig, made: Town, name: str, kill: Kill) -> None:
    """Live an evening, and check that the server was restarted once."""
    evening = Evening(made, rig.portal, name, kill)
    await evening.live()
    await judge(evening)
    restarted = [
        types
        for types in each_once(await rig.portal.cloud.kept()).values()
        if types[-1] is EventType.RESTARTED
    ]
    assert len(restarted) == 1, "each evening is one restart"


async def undisturbed(_step: str) -> None:
    """Kill nothing."""


@pytest.mark.timeout(300)
async def test_an_evening_from_the_alert_to_the_report(
    rig: Rig, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with portal_of(rig, broker_process.url, tmp_path) as (made, _):
        await lived(rig, made, "web-1", undisturbed)


@pytest.mark.timeout(400)
async def test_an_evening_in_which_processes_are_killed(
    fake_rig: Rig, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with portal_of(fake_rig, broker_process.url, tmp_path) as (made, processes):
        turns: list[str] = []

        async def kill(step: str) -> None:
            """Kill a process before a step or when its request is answered, by turns."""
            turns.append(step)
            if len(turns) % 4 in {1, 0}:
                await processes.kill(KILLED[processes.killed.total() % len(KILLED)])

        await lived(fake_rig, made, "web-1", kill)
        assert processes.killed.keys() == set(KILLED)
        assert processes.killed.total() == len(set(turns)), "one process was killed at each step"
