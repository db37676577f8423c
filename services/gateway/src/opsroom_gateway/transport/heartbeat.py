"""One timer for all that beats: pings and heartbeats."""

import asyncio
import math
import random
from typing import Protocol

_TICK_SECONDS = 0.25


class HeartbeatTarget(Protocol):
    """What wants to be called now and then."""

    def on_heartbeat(self) -> None:
        """Called once in each interval. May leave the pulse, and may join others."""


class HeartbeatTimer:
    """Calls each of its members once in ``seconds``, up to a fifth earlier and each at a time of its own.

    A wheel of slots instead of a timer for each: a member costs one entry, and no slot is ever crowded by
    those that came together. While there are none, nothing runs.
    """

    def __init__(self, seconds: float) -> None:
        count = max(2, math.ceil(seconds / _TICK_SECONDS))
        self._tick = seconds / count
        self._slots: list[dict[HeartbeatTarget, None]] = [{} for _ in range(count + 1)]
        self._now = 0
        self._slot_of: dict[HeartbeatTarget, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, target: HeartbeatTarget) -> None:
        """Beat ``target`` from now on, the first time in the second half of the interval."""
        longest = len(self._slots) - 1
        self._schedule(target, random.randint(max(1, longest // 2), longest))  # noqa: S311 - nothing secret
        if self._timer is None:
            self._start_timer()

    def remove(self, target: HeartbeatTarget) -> None:
        """Beat ``target`` no more."""
        slot = self._slot_of.pop(target, None)
        if slot is not None:
            del self._slots[slot][target]

    def _schedule(self, target: HeartbeatTarget, ticks: int) -> None:
        slot = (self._now + ticks) % len(self._slots)
        self._slot_of[target] = slot
        self._slots[slot][target] = None

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._on_tick)

    def _on_tick(self) -> None:
        self._timer = None
        if self._slot_of:
            self._start_timer()
        self._now = (self._now + 1) % len(self._slots)
        due = list(self._slots[self._now])
        longest = len(self._slots) - 1
        shortest = max(1, math.ceil(0.8 * longest))
        for target in due:
            if self._slot_of.get(target) != self._now:
                continue  # left while another was called
            self.remove(target)
            self._schedule(target, random.randint(shortest, longest))  # noqa: S311 - nothing secret
            target.on_heartbeat()
