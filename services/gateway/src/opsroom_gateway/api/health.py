"""Liveness and readiness probes."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from opsroom_contracts.http import Health
from opsroom_contracts.subjects import CHAT_SERVICE, CLOUD_SERVICE
from opsroom_messaging.client.request_client import RequestClient


def health_router(requester: RequestClient, gateway_live: Callable[[], bool]) -> APIRouter:
    """Build the routes ``/healthz`` and ``/readyz``."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Liveness probe")
    async def healthz() -> Health:
        """Always ok: if the broker is down, restarting the gateway does not help."""
        return Health(status="ok")

    @router.get("/readyz", summary="Readiness probe", responses={503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """Ready if the gateway is up to date with the broker, and both services respond."""
        live = gateway_live()
        chat, cloud = False, False
        if live:
            chat, cloud = await asyncio.gather(
                requester.is_responding(CHAT_SERVICE), requester.is_responding(CLOUD_SERVICE)
            )
        ready = live and chat and cloud
        if not ready:
            response.status_code = 503
        return Health(
            status="ok" if ready else "unavailable", checks={"broker": live, "chat": chat, "cloud": cloud}
        )

    return router
