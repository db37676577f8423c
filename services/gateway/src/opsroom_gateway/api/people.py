"""What admins do about people."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from opsroom_contracts.audit import AuditAction
from opsroom_contracts.chat import RevokeReply, RevokeRequest
from opsroom_contracts.cloud import ANONYMOUS
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Action
from opsroom_contracts.subjects import ChatSubject
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.identity.principals import Access
from opsroom_gateway.noted_here import NotedHere
from opsroom_gateway.problems import documented
from opsroom_messaging.requests import Requester

_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def people_router(requester: Requester, access: Access, here: NotedHere) -> APIRouter:
    """The routes about other people."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])

    @router.delete(
        "/users/{user_id}/token",
        status_code=204,
        summary="Make somebody's token worth nothing",
        responses=documented(
            ErrorCode.USER_UNKNOWN,
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.UNAVAILABLE,
        ),
    )
    async def revoke(request: Request, user_id: _Id) -> None:
        """They leave the list, and what their token opened is closed, on every gateway."""
        name = ANONYMOUS
        try:
            principal = await access.principal(request)
            name = principal.name
            access.check(principal, Action.MODERATE)
            await requester.ask(ChatSubject.REVOKE, RevokeRequest(user_id=user_id), RevokeReply)
        except FaultError as error:
            here.refused(request, AuditAction.REVOKE, name, error.fault, user_id)
            raise
        here.accepted(request, AuditAction.REVOKE, name, user_id)

    return router
