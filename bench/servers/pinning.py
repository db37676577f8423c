"""Pin processes to cores, so that servers and load generator don't compete for one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SERVER_CORE, LOAD_CORE = 0, 1
_NEEDED = f"cores {SERVER_CORE} and {LOAD_CORE} are needed"


def pinning_fault() -> str | None:
    """Return why this machine can't pin processes, or None if it can."""
    if sys.platform != "linux":
        return "only Linux can pin processes to cores"
    before, needed = os.sched_getaffinity(0), {SERVER_CORE, LOAD_CORE}
    try:
        os.sched_setaffinity(0, needed)  # tried, because we may have pinned this process to one core
        return None if os.sched_getaffinity(0) == needed else _NEEDED
    except OSError:
        return _NEEDED
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def starting_on(core: int, *, pin: bool) -> Iterator[None]:
    """Start processes within this on ``core``, with all their threads.

    Pinning a running process would move only one of its threads, and nats-server has several.
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
    """Start processes within this on the generator's core, if the machine can pin. Yields whether it can."""
    pinned = pinning_fault() is None
    with starting_on(LOAD_CORE, pin=pinned):
        yield pinned
