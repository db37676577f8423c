"""``/api/v1/session``: who asks, and what they may do here."""

from uuid import uuid4

from fastapi import APIRouter, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import Requester
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action, SessionView
from opsroom_contracts.moderation import RevokeRequest
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.client.request_client import RequestClient

_EXAMPLE = {
    "mode": "token",
    "guests": True,
    "may": ["register", "chat", "see_servers", "command_servers"],
    "role": "operator",
    "name": "alice",
}


def session_router(access: Authorizer, requester: RequestClient) -> APIRouter:
    """The routes about oneself."""
    router = APIRouter(tags=["session"], dependencies=[BEARER])

    @router.get(
        "/session",
        summary="Who am I, and what may I do",
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(ErrorCode.TOKEN_INVALID, ErrorCode.BANNED, ErrorCode.UNAVAILABLE),
    )
    async def session(request: Request) -> SessionView:
        """With a token, what it proves; without, what anybody may."""
        principal = await access.principal(request)
        return SessionView(
            mode=access.mode,
            guests=access.guests,
            may=tuple(action for action in Action if action in principal.permissions),
            role=principal.role,
            name=None if principal.auth_method is AuthMethod.NONE else principal.name,
            user_id=None if principal.user is None else principal.user.id,
            until=None if principal.grant is None else principal.grant.until,
            sign_in=await access.sign_in(),
        )

    @router.delete(
        "/session",
        status_code=204,
        summary="Make my token worth nothing",
        responses=error_responses(
            ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.BANNED, ErrorCode.UNAVAILABLE
        ),
    )
    async def sign_out(request: Request) -> None:
        """Leave the list, give the name back, close all sockets and streams that the token opened."""
        principal = await access.principal(request)
        if principal.user is None:
            raise refuse(ErrorCode.UNAUTHENTICATED, "say by a registration token who is to sign out")
        by = Requester(name=principal.name[:64], address=client_of(request).address[:64])
        asked = RevokeRequest(request_id=uuid4().hex, user_id=principal.user.id, by=by)
        await requester.request(endpoints.REVOKE, asked)

    return router
