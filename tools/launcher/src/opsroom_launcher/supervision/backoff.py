"""The delay before a child is restarted."""

from collections.abc import Callable

FIRST_SECONDS = 0.2
MAX_SECONDS = 5.0
FORGIVEN_AFTER_SECONDS = 10.0
"""After a run of this length the delay is the shortest again."""


class Backoff:
    """Exponential backoff with jitter, so that children that died together don't restart together."""

    def __init__(self, random: Callable[[], float]) -> None:
        """``random`` returns numbers from 0 up to 1."""
        self._random = random
        self._next = FIRST_SECONDS

    def after(self, lived: float) -> float:
        """Return the seconds to wait after a run of ``lived`` seconds: half the step up to all of it."""
        if lived >= FORGIVEN_AFTER_SECONDS:
            self._next = FIRST_SECONDS
        step, self._next = self._next, min(self._next * 2, MAX_SECONDS)
        return step * (0.5 + 0.5 * self._random())
