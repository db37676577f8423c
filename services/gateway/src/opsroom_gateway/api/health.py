"""Whether the gateway lives, and whether it and what it needs can serve."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from opsroom_contracts.http import Health
from opsroom_contracts.subjects import CHAT_SERVICE, CLOUD_SERVICE
from opsroom_messaging.client.request_client import RequestClient


def health_router(requester: RequestClient, gateway_live: Callable[[], bool]) -> APIRouter:
    """``/healthz`` and ``/readyz``."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process lives")
    async def healthz() -> Health:
        """Always ok: a broker that is away is no reason to restart the gateway."""
        return Health(status="ok")

    @router.get("/readyz", summary="Everything needed answers", responses={503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """Whether the gateway has all there is from the broker, and both services answer."""
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
