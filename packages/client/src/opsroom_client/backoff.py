"""Exponential backoff with full jitter."""

import random
from collections.abc import Callable

BASE_SECONDS = 0.2
CEILING_SECONDS = 15.0
_MAX_DOUBLINGS = 16


class Backoff:
    """Random delays between zero and a ceiling that doubles with each failure ("full jitter").

    Full jitter spreads the reconnects of many clients after a server restart.
    """

    def __init__(
        self,
        base: float = BASE_SECONDS,
        ceiling: float = CEILING_SECONDS,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """``base``, ``ceiling``: seconds. ``draw``: returns a random number between two others."""
        self._base = base
        self._ceiling = ceiling
        self._draw = draw
        self._failures = 0

    def next(self, at_least: float = 0.0) -> float:
        """Count a failure and return the delay in seconds, on top of ``at_least``, the server's minimum."""
        limit = min(self._ceiling, self._base * 2 ** min(self._failures, _MAX_DOUBLINGS))
        self._failures += 1
        return at_least + self._draw(0.0, limit)

    def reset(self) -> None:
        """Start again with the shortest delay, after a success."""
        self._failures = 0
