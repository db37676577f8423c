"""A timer wheel for WebSocket pings and SSE heartbeats."""

import asyncio
import math
import random
from typing import Protocol

_TICK_SECONDS = 0.25


class HeartbeatTarget(Protocol):
    """A connection that needs a regular callback."""

    def on_heartbeat(self) -> None:
        """Called once in each interval. It may remove this target and add others."""


class HeartbeatTimer:
    """Calls each target once in ``seconds``, up to 20 % early and at a random point of the interval.

    One timer for all instead of one for each: a target costs one dict entry, and targets that were added
    together are spread over the slots. The timer stops while there are no targets.
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
        """Call ``target`` from now on, the first time in the second half of the interval."""
        longest = len(self._slots) - 1
        self._schedule(target, random.randint(max(1, longest // 2), longest))  # noqa: S311 - nothing secret
        if self._timer is None:
            self._start_timer()

    def remove(self, target: HeartbeatTarget) -> None:
        """Stop calling ``target``."""
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
                continue  # removed by an earlier target's callback
            self.remove(target)
            self._schedule(target, random.randint(shortest, longest))  # noqa: S311 - nothing secret
            target.on_heartbeat()
