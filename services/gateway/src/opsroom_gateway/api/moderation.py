"""Routes to remove messages and revoke tokens, and the dependency that requires a moderator."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditAction, AuditedAction, Requester
from opsroom_contracts.chat.moderation import RemoveRequest, RevokeRequest
from opsroom_contracts.cloud.requests import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Action, anonymous_identity
from opsroom_contracts.text import clean_reason
from opsroom_gateway.api.audit_log import GatewayAuditLog, requester_of
from opsroom_gateway.api.messages import Authors
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.client.request_client import RequestClient

_Room = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["general"])]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
ReasonQuery = Annotated[
    str | None,
    Query(alias="reason", min_length=1, max_length=200, description="The reason; stored in the audit log."),
    AfterValidator(clean_reason),
]
AUTH_ERRORS = (
    ErrorCode.TOKEN_INVALID,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.BANNED,
    ErrorCode.UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Moderator:
    """The moderator who sent a request. ``name`` is None if they are not authenticated."""

    by: Requester
    name: str | None


def require_moderator(
    access: Authorizer,
    audit_log: GatewayAuditLog,
    action: AuditAction,
    target: str | None = None,
    *,
    needed: Action = Action.MODERATE,
) -> Callable[[Request], Awaitable[Moderator]]:
    """Return the dependency of a route for ``action``: requires the permission, and audits refusals.

    ``target``: the path or query parameter with the target of the audit entry. ``needed``: the permission.
    """

    async def moderator(request: Request) -> Moderator:
        name, identity = ANONYMOUS, anonymous_identity(client_of(request).network)
        try:
            principal = await access.principal(request)
            name, identity = principal.name, principal.identity
            access.check(principal, needed)
        except FaultError as error:
            meant = None if target is None else _audit_target(request, target)
            audit_log.refused(action, requester_of(request, name, identity), error.fault, meant)
            raise
        by = requester_of(request, name, identity)
        return Moderator(by, None if principal.auth_method is AuthMethod.NONE else name)

    return moderator


def _audit_target(request: Request, target: str) -> str | None:
    meant: str | None = request.path_params.get(target) or request.query_params.get(target)
    return meant


def removal_router(
    requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog, authors: Authors
) -> APIRouter:
    """Build the route to remove a message. ``authors``: may delete their own ones."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])
    check_remover = require_moderator(access, audit_log, AuditedAction.REMOVE_MESSAGE, "message_id")

    @router.delete(
        "/rooms/{room}/messages/{message_id}",
        status_code=204,
        summary="Delete or remove a message",
        responses=error_responses(ErrorCode.MESSAGE_UNKNOWN, ErrorCode.RATE_LIMITED, *AUTH_ERRORS),
    )
    async def remove(room: _Room, message_id: Id, client: Request, reason: ReasonQuery = None) -> None:
        """The text is erased, and readers receive a `removed` frame. A repeated request changes nothing.

        Authors may delete their own messages, in rooms that they can read; admins may remove all.
        """
        if await authors.delete(client, room, message_id):
            return
        moderator = await check_remover(client)
        request = RemoveRequest(room=room, id=message_id, reason=reason, by=moderator.by)
        await request_with_identity(requester, endpoints.REMOVE_MESSAGE, request)

    return router


def moderation_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the route to revoke tokens."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])
    revoker = require_moderator(access, audit_log, AuditedAction.REVOKE, "user_id")

    @router.delete(
        "/users/{user_id}/token",
        status_code=204,
        summary="Revoke a user's token",
        responses=error_responses(ErrorCode.USER_UNKNOWN, *AUTH_ERRORS),
    )
    async def revoke(
        user_id: Id,
        moderator: Annotated[Moderator, Depends(revoker)],
        reason: ReasonQuery = None,
    ) -> None:
        """The user leaves the list, and every gateway closes the connections opened with the token."""
        request = RevokeRequest(request_id=uuid4().hex, user_id=user_id, reason=reason, by=moderator.by)
        await request_with_identity(requester, endpoints.REVOKE, request)

    return router
