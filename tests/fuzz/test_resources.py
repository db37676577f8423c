"""What counts as held by the target: not what is in use for a moment."""

import asyncio
from dataclasses import replace

from tests.fuzz.resources import kept_objects, least, left_over, resource_usage


def _ring() -> None:
    """Called by the timers of a test."""


async def test_timers_count_by_name_until_they_are_cancelled() -> None:
    before = resource_usage()
    timers = [asyncio.get_running_loop().call_later(600, _ring) for _ in range(20)]
    (found,) = kept_objects(before, resource_usage(), 1)
    assert found == "20 objects of timer of _ring, there were 0"
    for timer in timers:
        timer.cancel()
    assert kept_objects(before, resource_usage(), 1) == []


async def test_only_what_is_held_in_all_samples_is_left() -> None:
    before = resource_usage()
    busy = replace(before, sockets=before.sockets + 1, objects={**before.objects, "short-lived": 50})
    held = replace(before, descriptors=before.descriptors + 1, objects={**before.objects, "kept": 50})
    both = replace(busy, descriptors=held.descriptors, objects=busy.objects | held.objects)
    after = least(both, held)
    assert left_over(before, after) == [
        f"{held.descriptors} descriptors are left, there were {before.descriptors}"
    ]
    assert kept_objects(before, after, 1) == ["50 objects of kept, there were 0"]
