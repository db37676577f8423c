"""Driving a session: Hypothesis draws the batches, and mutants are planted."""

import asyncio
import itertools
import random
import re
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.attackers.client import Case
from tests.fuzz.cases.agent_cases import AGENTS
from tests.fuzz.cases.file_cases import FILES
from tests.fuzz.cases.flood_cases import FLOODS
from tests.fuzz.cases.http_cases import HTTP_CASES
from tests.fuzz.cases.markdown_cases import MARKDOWN
from tests.fuzz.cases.moderation_cases import MODERATION
from tests.fuzz.cases.nats_cases import NATS_CASES
from tests.fuzz.cases.room_cases import ROOMS
from tests.fuzz.cases.search_cases import SEARCHES
from tests.fuzz.cases.server_cases import SERVERS
from tests.fuzz.cases.socket_cases import SOCKET_CASES
from tests.fuzz.cases.variants import variant
from tests.fuzz.mutants import MUTANTS
from tests.fuzz.session import AT_ONCE, FuzzSession
from tests.fuzz.tally import Enough, Tally

MUTANT_CASES = 2 * AT_ONCE
MUTANT_ROUNDS = 8
MUTANT_SECONDS = 1.5
"""Cases per round, rounds in which a mutant must be detected, and how long a case waits for what the
mutant withholds."""
ROLES_EVERY = 8
DRAWN: st.SearchStrategy[tuple[Case, ...]] = st.tuples(
    *SOCKET_CASES, *HTTP_CASES, *SEARCHES, *NATS_CASES, *FILES, *MARKDOWN
)
"""One of each group."""
SERVERS_SHARE = 8
"""How many of the expensive cases are programs of the API of servers."""
ROOMS_SHARE = 3
"""How many are races in rooms, of each kind."""
HEAVY: tuple[st.SearchStrategy[Any], ...] = (
    *FLOODS,
    *MODERATION,
    *(AGENTS * 2),
    *((SERVERS,) * SERVERS_SHARE),
    *(ROOMS * ROOMS_SHARE),
)
"""Cases that cost as much as many others: one in each batch, in turn."""


def run_session(runner: asyncio.Runner, session: FuzzSession, cases: int, number: int) -> Tally:
    """Run ``cases`` cases of the seed ``number``."""
    drive(
        runner, session, 2 * session.at_once, number + 1
    )  # warm-up: what is allocated at first use is no leak
    session.tally.cases.clear()
    before = runner.run(session.measured())
    drive(runner, session, cases, number)
    return runner.run(session.end(before, cases))


def undetected(runner: asyncio.Runner, session: FuzzSession, mutant: str) -> list[str]:
    """Attack while ``mutant`` is planted. Returns nothing if it was detected, else the other findings."""
    before = runner.run(session.measured())
    runner.run(session.target.ask(plant=mutant))
    told: list[str] = []
    patience = session.patience
    try:
        for number in range(MUTANT_ROUNDS):
            # On a busy machine everything is late: double the timeout instead of reporting that.
            session.patience, session.tally = patience * 2**number, Tally()
            drive(runner, session, MUTANT_CASES, number, MUTANTS[mutant].heavy or HEAVY)
            told = [*session.tally.findings, *runner.run(session.held(before, MUTANT_CASES))]
            if any(re.search(MUTANTS[mutant].detected_by, one) for one in told):
                return []
    finally:
        runner.run(session.target.ask(restore=mutant))
        session.patience, session.tally = patience, Tally()
        runner.run(session.settle())
    return [f"not detected: {mutant}", *told]


def drive(
    runner: asyncio.Runner,
    session: FuzzSession,
    cases: int,
    number: int,
    heavy: tuple[st.SearchStrategy[Any], ...] = HEAVY,
) -> None:
    """Draw batches and send each, and now and then one of users with a lesser role."""
    batches, order = itertools.count(), list(heavy)
    random.Random(number).shuffle(order)

    @seed(number)
    @settings(
        max_examples=-(-cases // session.at_once),
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DRAWN, st.data(), st.integers(0, 2**32))
    def example(drawn: tuple[Case, ...], data: st.DataObject, number: int) -> None:
        chance = random.Random(number)
        batch = next(batches)
        if batch % ROLES_EVERY == 0:
            runner.run(session.role_batch())
        # By a drawn number, not by that of the batch: what is drawn must depend on nothing else.
        cases = [*drawn, data.draw(order[number % len(order)])]
        cases += [variant(drawn[n % len(drawn)], chance) for n in range(session.at_once - len(cases))]
        runner.run(session.batch(cases))

    with suppress(Enough):
        example()
