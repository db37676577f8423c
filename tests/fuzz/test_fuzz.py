"""A short run of the fuzzer, and proof that it tells of faults; ``./opsroom fuzz`` is the long run."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.fuzz.run import AT_ONCE, PLANTED_SECONDS, Siege, attacked, missed, siege

pytestmark = pytest.mark.timeout(400)
CASES = 5 * AT_ONCE
SOME_FAULTS = (
    "a course frame's handler raises",
    "a route gives 500",
    "each connection leaves a task",
    "a bad frame costs others a message",
)
"""The others are planted by ``./opsroom fuzz --planted``."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """A loop that goes on between examples."""
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture(scope="module")
def under(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """A portal under siege."""
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(siege(tmp_path_factory.mktemp("siege"))))
    runner.run(stack.aclose())


def test_nothing_gets_through(runner: asyncio.Runner, under: Siege) -> None:
    tally = attacked(runner, under, CASES, number=6)
    assert tally.cases.total() >= CASES
    assert tally.through == []


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_planted_fault_is_told(runner: asyncio.Runner, under: Siege, fault: str) -> None:
    under.patience = PLANTED_SECONDS
    assert missed(runner, under, fault) == []
