"""Looking at the whole portal, for whoever asks this gateway how it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from time import monotonic

from opsroom_contracts import endpoints, subjects
from opsroom_contracts.gateways import KnownAddresses, KnownAddressesRequest
from opsroom_contracts.status import Status, StatusRequest
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.transport.stats import TransportStats
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService

_FRESH_SECONDS = 1.0
"""However many ask at once, everybody is asked no more often."""


class CachedStatus:
    """What runs, found out when somebody asks, once for all who ask at the same time."""

    def __init__(self, collect: Callable[[], Awaitable[Status]]) -> None:
        self._find_out = collect
        self._turn = asyncio.Lock()
        self._seen: tuple[float, Status] | None = None

    async def status(self) -> Status:
        """What was just found, or what is found now.

        Raises:
            UnavailableError: the broker did not answer.
        """
        async with self._turn:
            if self._seen is None or monotonic() - self._seen[0] > _FRESH_SECONDS:
                self._seen = None
                found = await self._find_out()
                self._seen = monotonic(), found
            return self._seen[1]


@asynccontextmanager
async def serve_status(
    broker: NatsConnection, cached_status: CachedStatus, stats: TransportStats, enforcer: RestrictionEnforcer
) -> AsyncIterator[None]:
    """Be found through ``nats.micro``, tell how many are connected and from where, and how all do."""

    async def status(_: StatusRequest) -> Status:
        return await cached_status.status()

    async def whereabouts(asked: KnownAddressesRequest) -> KnownAddresses:
        return enforcer.known_addresses(asked.name)

    service = MicroService(
        broker,
        name=subjects.GATEWAY_SERVICE,
        version=version("opsroom-gateway"),
        description="WebSocket, SSE and REST at the edge.",
        gauges=lambda: {"sockets": stats.sockets, "streams": stats.streams},
    )
    service.add(endpoints.STATUS, status)
    service.add(endpoints.KNOWN_ADDRESSES, whereabouts)
    await service.start()
    try:
        yield
    finally:
        await service.stop()
