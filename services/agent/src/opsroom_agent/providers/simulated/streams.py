"""Logs and statistics of simulated servers: functions of the time, so that nothing is stored."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from opsroom_agent.providers.simulated.fates import share
from opsroom_contracts.agents.protocol import LogLine, LogSource, StatsSample

SAMPLE_SECONDS = 5.0
HISTORY_SECONDS = 900.0
_GIGABYTE = 1024**3
_WAVE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The log of a server that has run since ``began_at`` and writes ``rate`` lines per second."""

    began_at: float
    rate: float

    def written(self, now: float) -> int:
        """Return how many lines there are at ``now``."""
        return max(0, math.floor((now - self.began_at) * self.rate) + 1)

    def lines(self, first: int, end: int) -> tuple[LogLine, ...]:
        """Return the lines from number ``first`` to before number ``end``; the first one has number 0."""
        return tuple(self._line(number) for number in range(first, end))

    def _line(self, number: int) -> LogLine:
        at = datetime.fromtimestamp(self.began_at + number / self.rate, UTC)
        text = "started" if number == 0 else f"tick {number}"
        return LogLine(text=text, at=at, source=LogSource.STDERR if number == 0 else LogSource.STDOUT)


def sample(resource: str, at: float) -> StatsSample:
    """Return what a running server uses at a moment."""
    phase = share(resource)
    wave = 0.5 + 0.5 * math.sin(2 * math.pi * (at / _WAVE_SECONDS + phase))
    return StatsSample(
        at=datetime.fromtimestamp(at, UTC),
        cpu=round(0.05 + 0.9 * wave * phase, 3),
        memory=int(_GIGABYTE * (0.2 + 0.5 * phase + 0.1 * wave)),
        cpu_limit=1.0,
        memory_limit=_GIGABYTE,
    )


def sample_times(began_at: float, now: float) -> Iterator[float]:
    """Yield when the samples of the last 15 minutes were taken, at most since ``began_at``."""
    first = math.ceil(max(began_at, now - HISTORY_SECONDS) / SAMPLE_SECONDS)
    for number in range(first, math.floor(now / SAMPLE_SECONDS) + 1):
        yield number * SAMPLE_SECONDS
