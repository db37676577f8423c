"""Liveness and readiness probes."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from opsroom_contracts.http import Health
from opsroom_contracts.subjects import CHAT_SERVICE, CLOUD_SERVICE
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.deployment.services_health import ServicesHealth


def health_router(
    requester: RequestClient, services_health: ServicesHealth, problem: Callable[[], str | None]
) -> APIRouter:
    """Build the routes ``/healthz`` and ``/readyz``. ``problem``: why this gateway is not ready, or None."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Liveness probe", response_model_exclude_none=True)
    async def healthz() -> Health:
        """Always ok: if the broker is down, restarting the gateway does not help."""
        return Health(status="ok")

    @router.get(
        "/readyz",
        summary="Readiness probe",
        responses={503: {"model": Health}},
        response_model_exclude_none=True,
    )
    async def readyz(response: Response) -> Health:
        """Ready if this gateway is up to date with the broker, both services respond, and writes land."""
        own = problem()
        problems: dict[str, str | None] = {"broker": own}
        if own is None:
            found, chat, cloud = await asyncio.gather(
                services_health.problems(),
                requester.is_responding(CHAT_SERVICE),
                requester.is_responding(CLOUD_SERVICE),
            )
            for service, responds in ((CHAT_SERVICE, chat), (CLOUD_SERVICE, cloud)):
                problems[service] = found.get(service) if responds else f"{service} does not respond"
        else:
            problems |= {CHAT_SERVICE: own, CLOUD_SERVICE: own}
        reason = next((text for text in problems.values() if text is not None), None)
        if reason is not None:
            response.status_code = 503
        return Health(
            status="ok" if reason is None else "unavailable",
            checks={name: text is None for name, text in problems.items()},
            reason=reason,
        )

    return router
