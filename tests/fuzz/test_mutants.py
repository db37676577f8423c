"""The targets of all mutants exist: their names are strings, which no type checker checks."""

import pytest

from tests.fuzz.mutants import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS)
def test_every_fault_can_be_planted_and_removed(mutant: str) -> None:
    replaced = MUTANTS[mutant].plant()
    for owner, attribute, was in replaced:
        assert getattr(owner, attribute) is not was
        setattr(owner, attribute, was)
