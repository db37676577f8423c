"""Why services are not ready, as their processes report it in the statistics of ``nats micro``."""

import asyncio
import json
from collections.abc import Mapping
from time import monotonic

from opsroom_contracts.status import REPLICAS_MAX
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.scatter_gather import request_many
from opsroom_messaging.deployment.status_probe import problem_in
from opsroom_messaging.errors import UnavailableError

_FRESH_SECONDS = 1.0


class ServicesHealth:
    """Asks all processes, and remembers their replies for a second, so that frequent probes cost little."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker
        self._lock = asyncio.Lock()
        self._asked_at = -_FRESH_SECONDS
        self._found: Mapping[str, str] = {}

    async def problems(self) -> Mapping[str, str]:
        """Why services are not ready, by their names: the reason of one of their processes."""
        async with self._lock:
            if monotonic() - self._asked_at > _FRESH_SECONDS:
                self._found = await self._ask()
                self._asked_at = monotonic()
            return self._found

    async def _ask(self) -> Mapping[str, str]:
        try:
            replies = await request_many(self._broker, "$SRV.STATS", b"", max_replies=REPLICAS_MAX)
        except UnavailableError:
            return {}
        found: dict[str, str] = {}
        for statistics in map(json.loads, replies):
            problem = problem_in(statistics)
            if problem is not None:
                found[statistics["name"]] = f"{statistics['name']}: {problem}"
        return found
