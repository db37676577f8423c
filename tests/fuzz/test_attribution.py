"""The search for the cases that make others wait."""

from collections.abc import Sequence

import pytest

from tests.fuzz.attribution import smallest


@pytest.mark.parametrize("guilty", [{0}, {31}, {17}, {4, 5}])
async def test_the_guilty_cases_are_found(guilty: set[int]) -> None:
    async def starves(cases: Sequence[int]) -> bool:
        return guilty <= set(cases)

    assert guilty <= set(await smallest(range(32), starves))
    assert len(await smallest(range(32), starves)) == len(guilty)


async def test_cases_that_are_guilty_only_together_are_all_returned() -> None:
    async def starves(cases: Sequence[int]) -> bool:
        return len(cases) == 8

    assert len(await smallest(range(8), starves)) == 8
