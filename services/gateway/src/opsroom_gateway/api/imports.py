"""The route that imports rooms and messages of another chat, for admins."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.chat.imports import ImportReply, ImportRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_imports import NewImports
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.model import copy_fields
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.request_client import RequestClient

_EXAMPLE: Final = {
    "source": "slack.t0123",
    "records": [
        {"type": "room", "id": "C1", "kind": "public", "name": "deploys"},
        {
            "type": "message",
            "room": "C1",
            "id": "1512085950.000216",
            "person": {"id": "U1", "name": "ann"},
            "text": "1.4.0 is out",
            "timestamp": "2017-11-30T23:52:30.000Z",
        },
    ],
}


def imports_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the route of imports."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])
    importer = require_moderator(access, audit_log, AuditedAction.IMPORT, needed=Action.MANAGE_PEOPLE)

    @router.post(
        "/imports",
        summary="Import rooms and messages",
        responses=example_response(200, {"rooms": 1, "members": 0, "messages": 1})
        | error_responses(ErrorCode.ROOM_UNKNOWN, ErrorCode.USER_UNKNOWN, *AUTH_ERRORS),
    )
    async def store(
        moderator: Annotated[Moderator, Depends(importer)],
        body: Annotated[NewImports, Body(examples=[_EXAMPLE])],
    ) -> ImportReply:
        """Stores up to 64 records in their order: rooms before their members and messages.

        What was imported from this source before stays as it is, so that an import can be repeated, also
        after an interruption. Messages keep their original times and are marked as imported. `owner` is the
        user who owns the imported rooms.
        """
        return await requester.request(endpoints.IMPORT, copy_fields(body, ImportRequest, by=moderator.by))

    return router
