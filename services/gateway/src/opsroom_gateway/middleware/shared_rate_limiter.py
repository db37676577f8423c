"""Rate limits that are synchronized between gateways."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.gateways import RATE_LIMIT_DELTA, RateLimitDelta
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.subjects import GATEWAY_RATE_LIMITS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_runtime.token_bucket import Rate, TokenBuckets

_SYNC_SECONDS = 0.25
_MAX_KEYS_PER_MESSAGE = 2_000
"""Max keys per sync message; above that (an attack) limits are local only."""

log = logging.getLogger(__name__)


class RateLimit:
    """A rate limit by key. ``label``: the limited thing, in the error message."""

    def __init__(self, name: str, label: str, rate: Rate) -> None:
        self.name = name
        self._label = label
        self._buckets = TokenBuckets(rate)
        self._unlimited = rate.unlimited
        self._deltas: Counter[str] = Counter()
        self._on_first: Callable[[], None] = lambda: None

    def on_first_delta(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever there is something to drain again."""
        self._on_first = callback

    def acquire(self, key: str, count: int = 1) -> None:
        """Take ``count`` tokens.

        Raises:
            FaultError: ``rate_limited``, with the seconds until a retry can succeed.
        """
        wait = self.try_acquire(key, count)
        if wait > 0:
            message = f"too many {self._label}; try again in {math.ceil(wait)} s"
            raise refuse(ErrorCode.RATE_LIMITED, message, retry_after=round(wait, 3))

    def try_acquire(self, key: str, count: int = 1) -> float:
        """Take ``count`` tokens and return 0, or return the seconds until there are as many."""
        if self._unlimited:
            return 0.0
        wait = self._buckets.acquire(key, asyncio.get_running_loop().time(), count)
        if wait == 0 and (key in self._deltas or len(self._deltas) < _MAX_KEYS_PER_MESSAGE):
            if not self._deltas:
                self._on_first()
            self._deltas[key] += count
        return wait

    def drain_deltas(self) -> dict[str, int]:
        """Return the counts since the last call."""
        deltas, self._deltas = self._deltas, Counter()
        return dict(deltas)

    def apply_remote(self, delta: dict[str, int]) -> None:
        """Subtract what another gateway counted."""
        now = asyncio.get_running_loop().time()
        for key, count in delta.items():
            self._buckets.acquire_remote(key, count, now)


class RateLimitSync:
    """Publishes this gateway's counts, and applies those of the other gateways with a short delay."""

    def __init__(self, broker: NatsConnection, gateway: str, limits: tuple[RateLimit, ...]) -> None:
        self._broker = broker
        self._gateway = gateway
        self._limits = {limit.name: limit for limit in limits}
        self._counted = asyncio.Event()
        for limit in limits:
            limit.on_first_delta(self._counted.set)

    async def run(self) -> None:
        """Synchronize until cancelled."""
        await self._broker.subscribe(GATEWAY_RATE_LIMITS, self._on_delta)
        while True:
            await self._counted.wait()
            await asyncio.sleep(_SYNC_SECONDS)
            self._counted.clear()
            for name, limit in self._limits.items():
                counts = limit.drain_deltas()
                if counts and self._broker.connected:
                    delta = RateLimitDelta(gateway=self._gateway, limit=name, counts=counts)
                    await self._broker.publish(GATEWAY_RATE_LIMITS, encode(delta))

    def _on_delta(self, payload: bytes) -> None:
        try:
            delta = decode(RATE_LIMIT_DELTA, payload)
        except ContractError as error:
            log.warning("skipped a payload on %s: %s", GATEWAY_RATE_LIMITS, error)
            return
        limit = self._limits.get(delta.limit)
        if limit is not None and delta.gateway != self._gateway:
            limit.apply_remote(delta.counts)
