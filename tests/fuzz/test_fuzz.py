"""A short run of the fuzzer, and a check that it detects mutants. ``./opsroom fuzz`` is the long run."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from opsroom_testkit.waiting import PATIENCE_SECONDS
from opsroom_testkit.websocket_frames import PING, frame
from tests.fuzz.cases.flood_cases import FloodCase
from tests.fuzz.cases.socket_cases import CHAT, SocketCase
from tests.fuzz.driving import MUTANT_SECONDS, run_session, undetected
from tests.fuzz.rig import fuzz_session
from tests.fuzz.session import AT_ONCE, FuzzSession
from tests.fuzz.tally import Tally

pytestmark = pytest.mark.timeout(400)
CASES = 5 * AT_ONCE
SOME_MUTANTS = (
    "a course frame's handler raises",
    "a route gives 500",
    "each connection leaves a task",
    "a role is not checked",
    "a mute does not hold",
    "a bad frame costs others a message",
)
"""``./opsroom fuzz --planted`` runs all mutants."""
ROUNDS = 30
"""On a busy machine, a wait may look like one that the machine is to blame for."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """An event loop that is kept between examples."""
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture(scope="module")
def session(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzSession]:
    """A fuzz session."""
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(fuzz_session(tmp_path_factory.mktemp("siege"))))
    runner.run(stack.aclose())


def test_nothing_gets_through(runner: asyncio.Runner, session: FuzzSession) -> None:
    tally = run_session(runner, session, CASES, number=6)
    assert tally.cases.total() >= CASES
    assert tally.findings == []


@pytest.mark.parametrize("mutant", SOME_MUTANTS)
def test_a_planted_fault_is_reported(runner: asyncio.Runner, session: FuzzSession, mutant: str) -> None:
    session.patience = MUTANT_SECONDS
    assert undetected(runner, session, mutant) == []


def test_of_a_batch_that_starves_others_the_guilty_case_is_reported(
    runner: asyncio.Runner, session: FuzzSession
) -> None:
    mutant = "the frames of a socket are handled without yielding"
    bad = FloodCase("bad", CHAT, frame(PING), 2000)
    session.patience, session.tally = PATIENCE_SECONDS, Tally()
    good = SocketCase("good", CHAT, texts=('{"type":"send","text":"good"}',))
    runner.run(session.settle())
    runner.run(session.target.ask(plant=mutant))
    try:
        for _ in range(ROUNDS):
            runner.run(session.batch([good, good, bad, good, good, good]))
            if session.tally.findings:
                break
    finally:
        runner.run(session.target.ask(restore=mutant))
        runner.run(session.settle())
    (found,) = session.tally.findings
    assert found.startswith("starvation: ")
    assert repr(bad) in found
    assert repr([good, good, bad, good, good, good]) not in found
