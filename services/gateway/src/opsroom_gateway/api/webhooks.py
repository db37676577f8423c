"""Routes of ``/api/v1/webhooks``: admins make, change and remove the addresses to which events are posted."""

from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_webhooks import (
    NewWebhook,
    WebhookChange,
    WebhookReplay,
    WebhookRotation,
    WebhookWithSecret,
)
from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.webhooks import (
    ChangeWebhookRequest,
    CreateWebhookRequest,
    DeleteWebhookRequest,
    ReplayWebhookRequest,
    RotateWebhookRequest,
    Webhook,
    WebhookSecretReply,
    WebhooksReply,
    WebhooksRequest,
)
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.request_client import RequestClient

_FILTER: Final = {"topics": ["alerts", "servers"], "rooms": [], "labels": {"env": "prod"}}
_WEBHOOK: Final = {
    "id": "m3w7q2zk5t4yc6hd",
    "url": "https://example.org/opsroom",
    "description": "the pager",
    "filter": _FILTER,
    "createdAt": "2026-11-30T12:00:00.000Z",
    "createdBy": "alice",
    "secrets": [{"createdAt": "2026-11-30T12:00:00.000Z"}],
    "state": "active",
}
_WITH_SECRET: Final = {
    "webhook": _WEBHOOK,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
}
_NEW: Final = {"url": "https://example.org/opsroom", "filter": _FILTER, "description": "the pager"}
_WebhookId = Annotated[str, Path(pattern=r"^[a-z2-7]{16}$", examples=[_WEBHOOK["id"]])]
_CHANGED: Final = example_response(200, _WEBHOOK)


def webhooks_router(requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the routes of webhooks."""
    router = APIRouter(prefix="/webhooks", tags=["webhooks"], dependencies=[BEARER])

    def needs(action: AuditedAction, target: str | None = None) -> Any:
        return Depends(require_moderator(access, audit_log, action, target, needed=Action.MANAGE_HOOKS))

    @router.get(
        "",
        summary="List webhooks",
        dependencies=[Depends(access.require(Action.MANAGE_HOOKS))],
        response_model_exclude_none=True,
        responses=example_response(200, {"webhooks": [_WEBHOOK]}) | error_responses(*AUTH_ERRORS),
    )
    async def webhooks() -> WebhooksReply:
        """All webhooks, the oldest first, and whether events arrive. Their secrets are not shown again."""
        return await requester.request(endpoints.WEBHOOKS, WebhooksRequest())

    @router.post(
        "",
        status_code=201,
        summary="Make a webhook",
        response_model_exclude_none=True,
        responses=example_response(201, _WITH_SECRET) | error_responses(ErrorCode.ROOM_UNKNOWN, *AUTH_ERRORS),
    )
    async def create(
        request: Request,
        moderator: Annotated[Moderator, needs(AuditedAction.CREATE_WEBHOOK)],
        body: Annotated[NewWebhook, Body(examples=[_NEW])],
    ) -> WebhookWithSecret:
        """From now on, events are posted to `url`, signed as the Standard Webhooks say.

        The secret is returned only once.

        Events of private rooms are posted only if `filter.rooms` has the room, for as long as the caller is a
        member.
        """
        principal = await access.principal(request)
        wanted = CreateWebhookRequest(
            request_id=uuid4().hex,
            url=body.url,
            description=body.description,
            filter=body.filter,
            creator=None if principal.user is None else principal.user.id,
            by=moderator.by,
        )
        return _with_secret(await requester.request(endpoints.CREATE_WEBHOOK, wanted))

    @router.patch(
        "/{webhook_id}",
        summary="Change a webhook",
        response_model_exclude_none=True,
        responses=_CHANGED | error_responses(ErrorCode.WEBHOOK_UNKNOWN, ErrorCode.ROOM_UNKNOWN, *AUTH_ERRORS),
    )
    async def change(
        webhook_id: _WebhookId,
        moderator: Annotated[Moderator, needs(AuditedAction.CHANGE_WEBHOOK, "webhook_id")],
        body: Annotated[WebhookChange, Body(examples=[{"enabled": False}])],
    ) -> Webhook:
        """Fields that are not given stay. What could not be delivered is tried again at once."""
        wanted = ChangeWebhookRequest(
            id=webhook_id,
            url=body.url,
            description=body.description,
            filter=body.filter,
            enabled=body.enabled,
            by=moderator.by,
        )
        return (await requester.request(endpoints.CHANGE_WEBHOOK, wanted)).webhook

    @router.post(
        "/{webhook_id}/rotate",
        summary="Give a webhook another secret",
        response_model_exclude_none=True,
        responses=example_response(200, _WITH_SECRET)
        | error_responses(ErrorCode.WEBHOOK_UNKNOWN, *AUTH_ERRORS),
    )
    async def rotate(
        webhook_id: _WebhookId,
        moderator: Annotated[Moderator, needs(AuditedAction.ROTATE_WEBHOOK, "webhook_id")],
        body: Annotated[WebhookRotation | None, Body(examples=[{"seconds": 86400}])] = None,
    ) -> WebhookWithSecret:
        """For a day, or for `seconds`, requests have a signature with each of the two secrets."""
        seconds = (body or WebhookRotation()).seconds
        wanted = RotateWebhookRequest(request_id=uuid4().hex, id=webhook_id, seconds=seconds, by=moderator.by)
        return _with_secret(await requester.request(endpoints.ROTATE_WEBHOOK, wanted))

    @router.post(
        "/{webhook_id}/replay",
        summary="Deliver events again",
        response_model_exclude_none=True,
        responses=_CHANGED | error_responses(ErrorCode.WEBHOOK_UNKNOWN, *AUTH_ERRORS),
    )
    async def replay(
        webhook_id: _WebhookId,
        moderator: Annotated[Moderator, needs(AuditedAction.REPLAY_WEBHOOK, "webhook_id")],
        body: Annotated[WebhookReplay | None, Body(examples=[{"start": "CLOUD-17"}])] = None,
    ) -> Webhook:
        """From the event `start` on, all events of its stream are delivered again, in their order.

        A later event than the one that fails leaves out those before. Without `start`, the next attempt is at
        once.
        """
        start = (body or WebhookReplay()).start
        wanted = ReplayWebhookRequest(id=webhook_id, start=start, by=moderator.by)
        return (await requester.request(endpoints.REPLAY_WEBHOOK, wanted)).webhook

    @router.delete(
        "/{webhook_id}",
        status_code=204,
        summary="Remove a webhook",
        responses=error_responses(ErrorCode.WEBHOOK_UNKNOWN, *AUTH_ERRORS),
    )
    async def remove(
        webhook_id: _WebhookId,
        moderator: Annotated[Moderator, needs(AuditedAction.DELETE_WEBHOOK, "webhook_id")],
    ) -> None:
        """It gets nothing more."""
        wanted = DeleteWebhookRequest(id=webhook_id, by=moderator.by)
        await requester.request(endpoints.DELETE_WEBHOOK, wanted)

    return router


def _with_secret(reply: WebhookSecretReply) -> WebhookWithSecret:
    return WebhookWithSecret(webhook=reply.webhook, secret=reply.secret)
