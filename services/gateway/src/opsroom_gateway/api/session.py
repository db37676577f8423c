"""Routes of ``/api/v1/session``: the caller's identity and permissions, and sign-out."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.invitations import SignOutRequest
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action, SessionView, credential_of
from opsroom_gateway.api.audit_log import requester_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_gateway.projections.members import MemberProjection
from opsroom_messaging.client.request_client import RequestClient

_EXAMPLE = {
    "mode": "token",
    "guests": True,
    "may": ["register", "chat", "see_servers", "command_servers"],
    "role": "operator",
    "name": "alice",
}


_Everywhere = Annotated[
    bool,
    Query(description="Sign out all devices and free the name, instead of this device alone."),
]


def session_router(access: Authorizer, requester: RequestClient, members: MemberProjection) -> APIRouter:
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
        member = None if principal.user is None else members.member(principal.user.id)
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
            credential=credential_of(principal.grant),
            devices=None if member is None else len(member.all_devices()),
        )

    @router.delete(
        "/session",
        status_code=204,
        summary="Sign out",
        responses=error_responses(
            ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.BANNED, ErrorCode.UNAVAILABLE
        ),
    )
    async def sign_out(request: Request, everywhere: _Everywhere = False) -> None:
        """Revokes the caller's token, and closes all connections opened with it.

        With the last device, the user leaves the list. The name stays theirs if they can sign in again: with
        the token or the single sign-on that they used, or after another invitation. Otherwise it is free, and
        `everywhere` frees it in any case. A later user of the name is another user.
        """
        principal = await access.principal(request)
        if principal.user is None or principal.token_digest is None:
            raise refuse(ErrorCode.UNAUTHENTICATED, "a registration token is required to sign out")
        by = requester_of(request, principal.name, principal.identity)
        if everywhere:
            revocation = RevokeRequest(request_id=uuid4().hex, user_id=principal.user.id, by=by)
            await request_with_identity(requester, endpoints.REVOKE, revocation)
            return
        leaving = SignOutRequest(user_id=principal.user.id, token_hash=principal.token_digest, by=by)
        await requester.request(endpoints.SIGN_OUT, leaving)

    return router
