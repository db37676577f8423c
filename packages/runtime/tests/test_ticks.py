"""Ticks: intervals keep their length, and end together."""

import asyncio

import pytest

from opsroom_runtime import ticks


@pytest.mark.parametrize(("seconds", "early"), [(0.2, 0.0), (0.5, 0.125), (1.0, 0.5), (5.0, 0.5)])
async def test_an_interval_ends_at_the_nearest_tick(seconds: float, early: float) -> None:
    before = asyncio.get_running_loop().time()
    tick = ticks.next_tick(seconds)
    after = asyncio.get_running_loop().time()
    assert before + seconds - early - 0.001 <= tick <= after + seconds + early + 0.001


@pytest.mark.parametrize("seconds", [0.5, 1.0, 5.0])
async def test_intervals_that_end_at_about_the_same_time_end_together(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    first = ticks.next_tick(seconds)
    others = [ticks.next_tick(first - loop.time() + seconds + late) for late in (-0.1, 0.0, 0.1)]
    assert all(other == pytest.approx(first + seconds) for other in others)


async def test_sleep_returns_at_the_tick() -> None:
    tick = ticks.next_tick(0.5)
    await ticks.sleep(0.5)
    assert asyncio.get_running_loop().time() >= tick - 0.01
