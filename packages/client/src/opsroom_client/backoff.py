"""How long to wait before the next attempt."""

import random
from collections.abc import Callable

BASE_SECONDS = 0.2
CEILING_SECONDS = 15.0
_MOST_DOUBLINGS = 16


class Backoff:
    """Delays whose ceiling doubles with each failure, drawn evenly from zero up to it ("full jitter").

    So a thousand clients that a restart cut off come back spread out, not in waves.
    """

    def __init__(
        self,
        base: float = BASE_SECONDS,
        ceiling: float = CEILING_SECONDS,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """``base``, ``ceiling``: seconds. ``draw``: a number between two others."""
        self._base = base
        self._ceiling = ceiling
        self._draw = draw
        self._failures = 0

    def next(self, at_least: float = 0.0) -> float:
        """Count a failure; how many seconds to wait, ``at_least`` what the server asked for."""
        limit = min(self._ceiling, self._base * 2 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        return at_least + self._draw(0.0, limit)

    def reset(self) -> None:
        """It worked: the next failure is a first one."""
        self._failures = 0
