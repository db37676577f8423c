"""How long to wait before a dead child is started again."""

from collections.abc import Callable

FIRST_SECONDS = 0.2
MAX_SECONDS = 5.0
FORGIVEN_AFTER_SECONDS = 10.0
"""A child that has lived so long starts over with the shortest wait."""


class Backoff:
    """Doubling waits with jitter, so that children which died together don't come back in step."""

    def __init__(self, random: Callable[[], float]) -> None:
        """``random`` gives numbers from 0 up to 1."""
        self._random = random
        self._next = FIRST_SECONDS

    def after(self, lived: float) -> float:
        """Seconds to wait after a life of ``lived`` seconds: from half of the present step to all of it."""
        if lived >= FORGIVEN_AFTER_SECONDS:
            self._next = FIRST_SECONDS
        step, self._next = self._next, min(self._next * 2, MAX_SECONDS)
        return step * (0.5 + 0.5 * self._random())
