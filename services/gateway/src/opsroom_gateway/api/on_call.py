"""Routes of ``/api/v1/on-call``: who is on call, by weekly rotas."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_on_call import PutRota
from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.on_call import OnCallReply, OnCallRequest, PutRotaReply, PutRotaRequest
from opsroom_contracts.serialization.model import RoomName
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.request_client import RequestClient

_ROTA: Final = {
    "name": "Operations",
    "room": "general",
    "people": ["u-alice", "u-bob"],
    "weekday": 0,
    "time": "09:00",
    "zone": "Europe/Berlin",
    "overrides": [{"person": "u-bob", "from": "2026-12-24T08:00:00.000Z", "to": "2026-12-26T08:00:00.000Z"}],
    "minutes": 10,
}
_VIEW: Final = {
    "rota": _ROTA,
    "onDuty": {"id": "u-alice", "name": "alice"},
    "following": {"id": "u-bob", "name": "bob"},
    "until": "2026-12-07T08:00:00.000Z",
}
_PUT: Final = {"name": "Operations", "room": "general", "rota": _VIEW}


def on_call_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the routes of rotas."""
    router = APIRouter(prefix="/on-call", tags=["on-call"], dependencies=[BEARER])
    changer = require_moderator(access, audit_log, AuditedAction.PUT_ROTA, needed=Action.MANAGE_ON_CALL)

    @router.get(
        "",
        summary="Show who is on call",
        dependencies=[Depends(access.require(Action.CHAT))],
        response_model_exclude_none=True,
        responses=example_response(200, {"rotas": [_VIEW]}) | error_responses(*AUTH_ERRORS),
    )
    async def show(
        request: Request, room: Annotated[RoomName | None, Query(description="Of this room alone.")] = None
    ) -> OnCallReply:
        """The rotas of the rooms that the caller may read, with who is on duty now, and until when."""
        principal = await access.principal(request)
        user_id = None if principal.user is None else principal.user.id
        return await requester.request(endpoints.ON_CALL, OnCallRequest(user_id=user_id, room=room))

    @router.put(
        "",
        summary="Make, replace or remove a rota",
        response_model_exclude_none=True,
        responses=example_response(200, _PUT)
        | error_responses(
            ErrorCode.INVALID_REQUEST,
            ErrorCode.NAME_INVALID,
            ErrorCode.ROOM_UNKNOWN,
            ErrorCode.WEBHOOK_UNKNOWN,
            *AUTH_ERRORS,
        ),
    )
    async def put(
        moderator: Annotated[Moderator, Depends(changer)],
        body: Annotated[PutRota, Body(examples=[{"rota": _ROTA}])],
    ) -> PutRotaReply:
        """The rota with this name is replaced. All people must be in its room.

        If people or the weekday change, the week that runs is the first person's.
        """
        wanted = PutRotaRequest(rota=body.rota, remove=body.remove, by=moderator.by)
        return await requester.request(endpoints.PUT_ROTA, wanted)

    return router
