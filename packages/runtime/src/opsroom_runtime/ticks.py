"""Times at which the periodic work of a process wakes it together.

Each wake-up costs more than most of this work: on an idle machine, the caches are cold and the processor has
slept. So work that is done every second or less often is done in the same turn of the event loop. The ticks
of two processes differ, so that they do not compete with each other.
"""

import asyncio
import os

_GRIDS = ((1.0, 1.0), (0.5, 0.25))
"""The shortest interval, in seconds, and the distance of the ticks that it is rounded to."""
_PHASES = 64


def next_tick(seconds: float) -> float:
    """The time of the event loop at which to wake after an interval of ``seconds``.

    It is the nearest tick: up to half a second earlier or later for an interval of a second or more, and an
    eighth for one of half a second or more. Shorter intervals are exact.
    """
    target = asyncio.get_running_loop().time() + seconds
    grid = next((grid for shortest, grid in _GRIDS if seconds >= shortest), None)
    if grid is None:
        return target
    phase = os.getpid() % _PHASES / _PHASES
    return round((target - phase) / grid) * grid + phase


async def sleep(seconds: float) -> None:
    """Sleep for an interval of periodic work: until ``next_tick(seconds)``."""
    await asyncio.sleep(next_tick(seconds) - asyncio.get_running_loop().time())
