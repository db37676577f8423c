"""Token buckets: how fast somebody may do something. Time is an argument, in seconds."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_KEYS = 50_000
"""So many buckets are remembered; past it the one unused longest is forgotten, and so is full again."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` in the long run, ``burst`` at once; a rate of 0 means no limit."""

    per_second: float
    burst: float

    @property
    def unlimited(self) -> bool:
        """Whether anything goes."""
        return self.per_second <= 0


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class TokenBuckets:
    """One bucket for each key, all of one rate. A bucket that was never seen is full."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def acquire(self, key: str, now: float) -> float:
        """Take one token of ``key``; answers 0, or for how many seconds there is none."""
        if self._rate.unlimited:
            return 0.0
        bucket = self._refilled(key, now)
        if bucket.level >= 1.0:
            bucket.level -= 1.0
            return 0.0
        return (1.0 - bucket.level) / self._rate.per_second

    def acquire_remote(self, key: str, count: float, now: float) -> None:
        """Another process took ``count`` tokens of ``key``; the debt is never more than one full bucket."""
        if not self._rate.unlimited:
            bucket = self._refilled(key, now)
            bucket.level = max(bucket.level - count, -self._rate.burst)

    def _refilled(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._rate.burst, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(key)
        gained = max(0.0, now - bucket.at) * self._rate.per_second
        bucket.level = min(self._rate.burst, bucket.level + gained)
        bucket.at = now
        return bucket
