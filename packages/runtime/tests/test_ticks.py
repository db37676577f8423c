"""Ticks: intervals keep their length, and end at common ticks."""

import asyncio

import pytest

from opsroom_runtime import ticks


@pytest.mark.parametrize(("seconds", "early"), [(0.2, 0.0), (0.5, 0.125), (1.0, 0.5), (5.0, 0.5)])
async def test_an_interval_ends_at_the_nearest_tick(seconds: float, early: float) -> None:
    before = asyncio.get_running_loop().time()
    tick = ticks.next_tick(seconds)
    after = asyncio.get_running_loop().time()
    assert before + seconds - early - 0.001 <= tick <= after + seconds + early + 0.001


@pytest.mark.parametrize(("intervals", "grid"), [((1.0, 2.0, 5.0), 1.0), ((0.5, 0.7, 0.9), 0.25)])
async def test_intervals_end_at_common_ticks(intervals: tuple[float, ...], grid: float) -> None:
    first = ticks.next_tick(1.0)
    for seconds in intervals:
        apart = (ticks.next_tick(seconds) - first) / grid
        assert apart == pytest.approx(round(apart), abs=1e-6)


async def test_sleep_returns_at_the_tick() -> None:
    tick = ticks.next_tick(0.5)
    await ticks.sleep(0.5)
    assert asyncio.get_running_loop().time() >= tick - 0.01
