"""Route of ``/api/v1/status``."""

from fastapi import APIRouter, Depends

from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Action
from opsroom_contracts.status import Status
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.api.status_service import CachedStatus
from opsroom_gateway.auth.authorization import Authorizer

_EXAMPLE = {
    "at": "2026-11-25T03:00:12.345Z",
    "tookMs": 318.4,
    "brokerVersion": "2.12.2",
    "roundTripMs": 0.7,
    "clockAheadMs": 0.2,
    "replicas": [
        {
            "service": "gateway",
            "id": "LQ7XvKzJ0pGm4cYtR2WnEs",
            "version": "0.1.0",
            "startedAt": "2026-11-25T02:11:40.102Z",
            "requests": 3,
            "refusals": 0,
            "inFlight": 1,
            "sockets": 12,
            "streams": 9,
        },
        {
            "service": "cloud",
            "id": "b2PdUuT0wFq9sKx1LmVaHj",
            "version": "0.1.0",
            "startedAt": "2026-11-25T02:11:39.871Z",
            "requests": 214,
            "refusals": 2,
            "inFlight": 0,
        },
    ],
    "streams": [
        {
            "name": "CLOUD",
            "messages": 1284,
            "sizeBytes": 524288,
            "lastSeq": 1284,
            "copies": 1,
            "consumers": 2,
            "lag": 0,
        }
    ],
    "missing": ["chat"],
}


def status_router(cached_status: CachedStatus, access: Authorizer) -> APIRouter:
    """Build the route of the status."""
    router = APIRouter(tags=["health"], dependencies=[BEARER])

    @router.get(
        "/status",
        summary="Get the status of the portal",
        dependencies=[Depends(access.require(Action.SEE_SERVERS))],
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.UNAVAILABLE,
        ),
    )
    async def status() -> Status:
        """Services with their replicas, and streams with their lag. It takes a third of a second."""
        return await cached_status.status()

    return router
