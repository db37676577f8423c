"""Token buckets. The time is an argument, in seconds."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_KEYS = 50_000
"""How many buckets are kept; beyond it the least recently used is dropped, and so is full again."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` on average, ``burst`` at once; a rate of 0 means no limit."""

    per_second: float
    burst: float

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit."""
        return self.per_second <= 0


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class TokenBuckets:
    """One bucket per key, all of one rate. A new bucket is full."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def acquire(self, key: str, now: float, count: float = 1.0) -> float:
        """Take ``count`` tokens of ``key``. Returns 0, or the seconds until there are as many.

        More than a full bucket has are as many as it has, so that the request can succeed at some time.
        """
        if self._rate.unlimited:
            return 0.0
        bucket, wanted = self._refilled(key, now), min(count, self._rate.burst)
        if bucket.level >= wanted:
            bucket.level -= wanted
            return 0.0
        return (wanted - bucket.level) / self._rate.per_second

    def acquire_remote(self, key: str, count: float, now: float) -> None:
        """Subtract ``count`` tokens taken by another process; the debt is at most one full bucket."""
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
