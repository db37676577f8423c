"""Routes of ``/api/v1/session``: the caller's identity and permissions, and sign-out."""

from uuid import uuid4

from fastapi import APIRouter, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action, SessionView
from opsroom_gateway.api.audit_log import requester_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_messaging.client.request_client import RequestClient

_EXAMPLE = {
    "mode": "token",
    "guests": True,
    "may": ["register", "chat", "see_servers", "command_servers"],
    "role": "operator",
    "name": "alice",
}


def session_router(access: Authorizer, requester: RequestClient) -> APIRouter:
    """Build the routes of the caller's session."""
    router = APIRouter(tags=["session"], dependencies=[BEARER])

    @router.get(
        "/session",
        summary="Get the caller's identity and permissions",
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(ErrorCode.TOKEN_INVALID, ErrorCode.BANNED, ErrorCode.UNAVAILABLE),
    )
    async def session(request: Request) -> SessionView:
        """With a token, its identity and permissions; without one, the permissions of anonymous callers."""
        principal = await access.principal(request)
        return SessionView(
            mode=access.mode,
            guests=access.guests,
            may=tuple(action for action in Action if action in principal.permissions),
            role=principal.role,
            name=None if principal.auth_method is AuthMethod.NONE else principal.name,
            user_id=None if principal.user is None else principal.user.id,
            until=None if principal.grant is None else principal.grant.until,
            sign_in=await access.sign_in(principal),
            now=access.now(),
        )

    @router.delete(
        "/session",
        status_code=204,
        summary="Revoke the caller's token",
        responses=error_responses(
            ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.BANNED, ErrorCode.UNAVAILABLE
        ),
    )
    async def sign_out(request: Request) -> None:
        """Leaves the user list, frees the name, and closes all connections opened with the token."""
        principal = await access.principal(request)
        if principal.user is None:
            raise refuse(ErrorCode.UNAUTHENTICATED, "a registration token is required to sign out")
        by = requester_of(request, principal.name, principal.identity)
        revocation = RevokeRequest(request_id=uuid4().hex, user_id=principal.user.id, by=by)
        await request_with_identity(requester, endpoints.REVOKE, revocation)

    return router
