"""A short run with a fixed seed: no violation through kills, cuts and pauses."""

from pathlib import Path

import pytest

from tests.faults.cluster.cluster import Size
from tests.faults.nemesis.plan import Scope
from tests.faults.run import Folders, run
from tests.faults.verification.verdict import Bounds
from tests.faults.workload import Load

SECONDS = 6.0
PAUSE = 0.5
LEAST_JUDGED = 0.1
"""Faults follow each other closely here, so little is free of excuses; long runs demand much more."""


@pytest.mark.alone
@pytest.mark.timeout(150)
async def test_nothing_is_lost_doubled_or_left_behind(tmp_path: Path) -> None:
    load = Load(people=8, visitors=3, operators=2, lanes=4, course=2, window=2, pace=0.02)
    size = Size(gateways=2, chats=2, clouds=2, delay=0.5)
    bounds = Bounds(judged=LEAST_JUDGED)
    outcome = await run(5, Scope(SECONDS, pause=PAUSE), size, load, Folders(keep=tmp_path), bounds)
    assert outcome.violations == [], outcome.violations[:10]
    # Each kind of work was done. How much of it depends on the machine.
    assert outcome.injected
    assert outcome.counts["acknowledged"] > 0
    assert outcome.counts["commands"] > 0
