"""The service that takes alerts, for tests of what reaches it through the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.client.connection import connect


@asynccontextmanager
async def incidents_at(url: str) -> AsyncIterator[None]:
    """Run the service on the broker at ``url``, whose streams exist."""
    broker = await connect(url, name="incidents")
    try:
        async with incidents_service(broker, IncidentsSettings()):
            yield
    finally:
        await broker.close()
