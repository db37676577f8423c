"""The rules of servers behind agents find nothing in a correct history, and each violation in a wrong one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.referee.made_up import BOUNDS
from tests.faults.referee.made_up_agents import served_history
from tests.faults.referee.mutation import Mutation
from tests.faults.referee.mutations.agents import shown, work
from tests.faults.rules.agents.counts import agent_counts
from tests.faults.verification.agent_history import OutsideChange, OutsideKind
from tests.faults.verification.checker import check, judged
from tests.faults.verification.excuses import Domain

MUTATIONS = (*work.MUTATIONS, *shown.MUTATIONS)
SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(SEEDS)
def test_correct_histories_pass(seed: int) -> None:
    assert check(served_history(seed), BOUNDS) == []


@pytest.mark.parametrize(
    ("rule", "mutation"), MUTATIONS, ids=[mutation.__name__ for _, mutation in MUTATIONS]
)
def test_each_violation_is_found(rule: str, mutation: Mutation) -> None:
    for seed in range(4):
        history = served_history(seed)
        mutation(history, random.Random(seed))
        assert rule in {violation.rule for violation in check(history, BOUNDS)}, seed


def test_a_server_that_was_there_for_a_moment_need_not_be_shown() -> None:
    history = served_history(1)
    assert history.agent is not None
    last = max(one.at for one in history.cloud.events)
    for kind, at in ((OutsideKind.APPEARED, last + 1), (OutsideKind.REMOVED, last + 3)):
        history.agent.outside.append(OutsideChange(kind, "s97", "", at, at))
    history.agent.looked = last + 90
    assert check(history, BOUNDS) == []


def test_operations_are_counted() -> None:
    counts = agent_counts(served_history(1))
    assert counts["agent operations"] > counts["agent outcomes unknown"] > 0
    assert counts["carried out by the engine"] > 0
    assert counts["lost outside"] > 0


def test_without_agents_their_time_is_not_judged() -> None:
    history = served_history(1)
    assert judged(history)[Domain.SERVERS] < 1
    history.agent = None
    assert Domain.SERVERS not in judged(history)
