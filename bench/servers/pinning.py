"""Processes on cores of their own, so that servers and load generator don't take turns."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SERVER_CORE, LOAD_CORE = 0, 1
_NEEDED = f"cores {SERVER_CORE} and {LOAD_CORE} are needed"


def pinning_fault() -> str | None:
    """Why this machine can't pin, or None where it can."""
    if sys.platform != "linux":
        return "only Linux can pin processes to cores"
    before, needed = os.sched_getaffinity(0), {SERVER_CORE, LOAD_CORE}
    try:
        os.sched_setaffinity(0, needed)  # tried, since this process may be on one core by our own doing
        return None if os.sched_getaffinity(0) == needed else _NEEDED
    except OSError:
        return _NEEDED
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def starting_on(core: int, *, pin: bool) -> Iterator[None]:
    """Processes started within run on ``core`` from their first instruction, all their threads included.

    Moving a process that runs already would move one thread of it: nats-server has several by then.
    """
    if not pin or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def loading_apart() -> Iterator[bool]:
    """Processes started within run on the generator's core where the machine can pin; yields whether."""
    pinned = pinning_fault() is None
    with starting_on(LOAD_CORE, pin=pinned):
        yield pinned
