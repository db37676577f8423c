"""What admins do about messages and tokens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditAction, AuditedAction, Requester
from opsroom_contracts.cloud import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Action
from opsroom_contracts.moderation import RemoveRequest, RevokeRequest
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.client.request_client import RequestClient

_Room = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["general"])]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
ReasonQuery = Annotated[
    str | None, Query(alias="reason", min_length=1, max_length=200, description="Why; kept in the audit.")
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
    """An admin who asks. ``name`` is missing where nothing was proved."""

    by: Requester
    name: str | None


def require_moderator(
    access: Authorizer, audit_log: GatewayAuditLog, action: AuditAction, target: str | None = None
) -> Callable[[Request], Awaitable[Moderator]]:
    """The dependency of a route that does ``action`` to what its address calls ``target``; notes refusals."""

    async def moderator(request: Request) -> Moderator:
        name = ANONYMOUS
        try:
            principal = await access.principal(request)
            name = principal.name
            access.check(principal, Action.MODERATE)
        except FaultError as error:
            meant = None if target is None else _audit_target(request, target)
            audit_log.refused(request, action, name, error.fault, meant)
            raise
        by = Requester(name=name[:64], address=client_of(request).address[:64])
        return Moderator(by, None if principal.auth_method is AuthMethod.NONE else name)

    return moderator


def _audit_target(request: Request, target: str) -> str | None:
    meant: str | None = request.path_params.get(target) or request.query_params.get(target)
    return meant


def moderation_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """The routes about what others said, and who they are."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])
    remover = require_moderator(access, audit_log, AuditedAction.REMOVE_MESSAGE, "message_id")
    revoker = require_moderator(access, audit_log, AuditedAction.REVOKE, "user_id")

    @router.delete(
        "/rooms/{room}/messages/{message_id}",
        status_code=204,
        summary="Remove a message",
        responses=error_responses(ErrorCode.MESSAGE_UNKNOWN, *AUTH_ERRORS),
    )
    async def remove(
        room: _Room,
        message_id: Id,
        asking: Annotated[Moderator, Depends(remover)],
        reason: ReasonQuery = None,
    ) -> None:
        """Its text is erased, readers are told `removed`. Removing it again changes nothing."""
        request = RemoveRequest(room=room, id=message_id, reason=reason, by=asking.by)
        await requester.request(endpoints.REMOVE_MESSAGE, request)

    @router.delete(
        "/users/{user_id}/token",
        status_code=204,
        summary="Make somebody's token worth nothing",
        responses=error_responses(ErrorCode.USER_UNKNOWN, *AUTH_ERRORS),
    )
    async def revoke(
        user_id: Id,
        asking: Annotated[Moderator, Depends(revoker)],
        reason: ReasonQuery = None,
    ) -> None:
        """They leave the list, and what their token opened is closed, on every gateway."""
        request = RevokeRequest(request_id=uuid4().hex, user_id=user_id, reason=reason, by=asking.by)
        await requester.request(endpoints.REVOKE, request)

    return router
