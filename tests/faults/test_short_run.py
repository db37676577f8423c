"""Short runs with fixed seeds: no violation through kills, cuts and pauses."""

from pathlib import Path

import pytest

from opsroom_agent.settings import ProviderKind
from tests.faults.agents.spec import AgentSpec
from tests.faults.cluster.cluster import Size
from tests.faults.nemesis.plan import OUTSIDE_FAULTS, FaultKind, Scope
from tests.faults.run import Folders, run
from tests.faults.verification.verdict import Bounds
from tests.faults.workload import Load

SECONDS = 6.0
PAUSE = 0.5
LEAST_JUDGED = 0.1
"""Faults follow each other closely here, so little is free of excuses; long runs demand much more."""


@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_nothing_is_lost_doubled_or_left_behind(tmp_path: Path) -> None:
    load = Load(people=8, visitors=3, operators=2, lanes=4, course=2, mates=3, window=2, pace=0.02)
    size = Size(gateways=2, chats=2, clouds=2, delay=0.5)
    bounds = Bounds(judged=LEAST_JUDGED)
    outcome = await run(5, Scope(SECONDS, pause=PAUSE), size, load, Folders(keep=tmp_path), bounds)
    assert outcome.violations == [], outcome.violations[:10]
    # Each kind of work was done. How much of it depends on the machine.
    assert outcome.injected
    assert outcome.counts["acknowledged"] > 0
    assert outcome.counts["commands"] > 0
    assert outcome.counts["rooms compared at rest"] > 0
    assert outcome.counts["unread counts compared"] > 0


@pytest.mark.alone
@pytest.mark.timeout(150)
async def test_operations_behind_agents_end_once_and_as_the_engine_says(tmp_path: Path) -> None:
    load = Load(
        people=2, visitors=1, operators=2, lanes=1, course=0, absentees=0, trolls=1, mates=0, servers=6
    )
    agent = AgentSpec(ProviderKind.SIMULATED, "short", work=0.1)
    size = Size(gateways=1, chats=1, clouds=2, delay=0.5, proxy=False, agent=agent)
    faults = (
        FaultKind.AGENT_KILL_WORKING,
        FaultKind.CLOUD_KILL_WORKING,
        FaultKind.ENGINE_AWAY,
        *OUTSIDE_FAULTS,
    )
    scope = Scope(SECONDS, pause=PAUSE, agent=True, only=faults)
    outcome = await run(2, scope, size, load, Folders(keep=tmp_path), Bounds())
    assert outcome.violations == [], outcome.violations[:10]
    assert outcome.injected
    assert outcome.counts["agent operations"] > 0
    assert outcome.counts["carried out by the engine"] > 0
