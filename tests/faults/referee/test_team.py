"""The rules of teams find nothing in a correct history, and each violation in a wrong one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.referee.made_up import BOUNDS
from tests.faults.referee.made_up_team import team_history
from tests.faults.referee.mutation import Mutation
from tests.faults.referee.mutations.team import changes, rooms
from tests.faults.rules.team.counts import team_counts
from tests.faults.verification.checker import check

MUTATIONS = (*changes.MUTATIONS, *rooms.MUTATIONS)
SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(SEEDS)
def test_correct_histories_pass(seed: int) -> None:
    assert check(team_history(seed), BOUNDS) == []


@pytest.mark.parametrize(
    ("rule", "mutation"), MUTATIONS, ids=[mutation.__name__ for _, mutation in MUTATIONS]
)
def test_each_violation_is_found(rule: str, mutation: Mutation) -> None:
    for seed in range(4):
        history = team_history(seed)
        mutation(history, random.Random(seed))
        assert rule in {violation.rule for violation in check(history, BOUNDS)}, seed


def test_the_work_of_a_team_is_counted() -> None:
    assert all(team_counts(team_history(1)).values())
