"""When the delivery of an event is tried again. Pure functions."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_SPREAD: Final = 0.25
"""A delay is up to this share longer, so that many receivers that came back are not asked at once."""
_DOUBLINGS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Delays double from ``first`` to ``longest``."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(days=1)

    def delay(self, attempts: int, chance: float, wanted: float | None = None) -> timedelta:
        """Return how long to wait after failed ``attempts``, 1 or more: from ``first`` to ``longest``.

        ``chance``: at random, from 0 to 1. ``wanted``: the seconds for which the receiver asked. It gets them
        if they are more than it would get anyway, and not more than ``longest``.
        """
        doublings = min(max(attempts, 1) - 1, _DOUBLINGS_MAX)
        seconds = self.first.total_seconds() * 2.0**doublings * (1 + _SPREAD * chance)
        return timedelta(seconds=min(max(seconds, wanted or 0.0), self.longest.total_seconds()))
