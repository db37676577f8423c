"""Routes of ``/api/v1/hooks``: admins make, rotate and remove the addresses that other programs post to."""

from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.chat.models import HistoryRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_hooks import HookRotation, HookWithSecret, NewHook
from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.hooks import (
    CreateHookRequest,
    DeleteHookRequest,
    HookSecretReply,
    HooksReply,
    HooksRequest,
    RotateHookRequest,
)
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.request_client import RequestClient

_HOOK: Final = {
    "id": "k4o2t6xw7y4cqk5d",
    "name": "alerts",
    "room": "general",
    "createdAt": "2026-11-30T12:00:00.000Z",
    "createdBy": "alice",
    "secrets": [{"createdAt": "2026-11-30T12:00:00.000Z"}],
}
_SECRET: Final = "p2s5v8y-BbEeHhKkNnQqTtWwZz3C6F9I2L5O8R1U4X7"  # noqa: S105 - an example
_WITH_SECRET: Final = {"hook": _HOOK, "secret": _SECRET, "path": f"/hooks/{_SECRET}"}
_HookId = Annotated[str, Path(pattern=r"^[a-z2-7]{16}$", examples=[_HOOK["id"]])]


def hooks_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the routes of hooks."""
    router = APIRouter(prefix="/hooks", tags=["hooks"], dependencies=[BEARER])

    def needs(action: AuditedAction, target: str | None = None) -> Any:
        return Depends(require_moderator(access, audit_log, action, target, needed=Action.MANAGE_HOOKS))

    @router.get(
        "",
        summary="List hooks",
        dependencies=[Depends(access.require(Action.MANAGE_HOOKS))],
        response_model_exclude_none=True,
        responses=example_response(200, {"hooks": [_HOOK]}) | error_responses(*AUTH_ERRORS),
    )
    async def hooks() -> HooksReply:
        """All hooks, by name. Their secrets are stored as digests, and nobody can read them."""
        return await requester.request(endpoints.HOOKS, HooksRequest())

    @router.post(
        "",
        status_code=201,
        summary="Make a hook",
        response_model_exclude_none=True,
        responses=example_response(201, _WITH_SECRET)
        | error_responses(ErrorCode.ROOM_UNKNOWN, ErrorCode.NAME_INVALID, *AUTH_ERRORS),
    )
    async def create(
        request: Request,
        moderator: Annotated[Moderator, needs(AuditedAction.CREATE_HOOK)],
        body: Annotated[NewHook, Body(examples=[{"name": "alerts", "room": "general"}])],
    ) -> HookWithSecret:
        """What is posted to the address becomes cards of the room. The caller must be able to see the room.

        Who knows the secret can do that, and nothing else. It is returned only once.
        """
        principal = await access.principal(request)
        user_id = None if principal.user is None else principal.user.id
        await requester.request(endpoints.HISTORY, HistoryRequest(room=body.room, user_id=user_id, limit=1))
        wanted = CreateHookRequest(request_id=uuid4().hex, name=body.name, room=body.room, by=moderator.by)
        return _with_path(await requester.request(endpoints.CREATE_HOOK, wanted))

    @router.post(
        "/{hook_id}/rotate",
        summary="Give a hook another secret",
        response_model_exclude_none=True,
        responses=example_response(200, _WITH_SECRET) | error_responses(ErrorCode.HOOK_UNKNOWN, *AUTH_ERRORS),
    )
    async def rotate(
        hook_id: _HookId,
        moderator: Annotated[Moderator, needs(AuditedAction.ROTATE_HOOK, "hook_id")],
        body: Annotated[HookRotation | None, Body(examples=[{"seconds": 86400}])] = None,
    ) -> HookWithSecret:
        """The secret before stays valid for a day, or for `seconds`, so that senders can be changed."""
        seconds = (body or HookRotation()).seconds
        wanted = RotateHookRequest(request_id=uuid4().hex, id=hook_id, seconds=seconds, by=moderator.by)
        return _with_path(await requester.request(endpoints.ROTATE_HOOK, wanted))

    @router.delete(
        "/{hook_id}",
        status_code=204,
        summary="Remove a hook",
        responses=error_responses(ErrorCode.HOOK_UNKNOWN, *AUTH_ERRORS),
    )
    async def remove(
        hook_id: _HookId, moderator: Annotated[Moderator, needs(AuditedAction.DELETE_HOOK, "hook_id")]
    ) -> None:
        """Its secrets are void at once. Its cards stay."""
        request = DeleteHookRequest(request_id=uuid4().hex, id=hook_id, by=moderator.by)
        await requester.request(endpoints.DELETE_HOOK, request)

    return router


def _with_path(reply: HookSecretReply) -> HookWithSecret:
    return HookWithSecret(hook=reply.hook, secret=reply.secret, path=f"/hooks/{reply.secret}")
