"""Status of the portal, collected by this gateway, and its NATS endpoints."""

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
"""How long a collected status is cached."""


class CachedStatus:
    """The portal's status, collected on demand; concurrent callers share one collection."""

    def __init__(self, collect: Callable[[], Awaitable[Status]]) -> None:
        self._collect = collect
        self._lock = asyncio.Lock()
        self._cached: tuple[float, Status] | None = None

    async def status(self) -> Status:
        """Return the cached status, or collect it.

        Raises:
            UnavailableError: the broker did not respond.
        """
        async with self._lock:
            if self._cached is None or monotonic() - self._cached[0] > _FRESH_SECONDS:
                self._cached = None
                found = await self._collect()
                self._cached = monotonic(), found
            return self._cached[1]


@asynccontextmanager
async def serve_status(
    broker: NatsConnection, cached_status: CachedStatus, stats: TransportStats, enforcer: RestrictionEnforcer
) -> AsyncIterator[None]:
    """Serve the gateway's NATS endpoints: status, known addresses, and statistics of ``nats micro``."""

    async def status(_: StatusRequest) -> Status:
        return await cached_status.status()

    async def known_addresses(request: KnownAddressesRequest) -> KnownAddresses:
        return enforcer.known_addresses(request.name)

    service = MicroService(
        broker,
        name=subjects.GATEWAY_SERVICE,
        version=version("opsroom-gateway"),
        description="WebSocket, SSE and REST at the edge.",
        gauges=lambda: {"sockets": stats.sockets, "streams": stats.streams},
    )
    service.add(endpoints.STATUS, status)
    service.add(endpoints.KNOWN_ADDRESSES, known_addresses)
    await service.start()
    try:
        yield
    finally:
        await service.stop()
