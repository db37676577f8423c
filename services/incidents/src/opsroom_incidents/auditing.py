"""Audit logging of changes of hooks, webhooks and rotas."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.hooks import (
    CreateHookRequest,
    DeleteHookReply,
    DeleteHookRequest,
    HookSecretReply,
    RotateHookRequest,
)
from opsroom_contracts.incidents.on_call import PutRotaReply, PutRotaRequest
from opsroom_contracts.incidents.webhooks import (
    ChangeWebhookRequest,
    CreateWebhookRequest,
    DeleteWebhookRequest,
    ReplayWebhookRequest,
    RotateWebhookRequest,
    WebhookReply,
    WebhookSecretReply,
)
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.jetstream.audit_log import AuditWriter, moderation_entry, rejected_entry

_HookRequest = CreateHookRequest | RotateHookRequest | DeleteHookRequest
_WebhookRequest = (
    CreateWebhookRequest
    | ChangeWebhookRequest
    | RotateWebhookRequest
    | ReplayWebhookRequest
    | DeleteWebhookRequest
)
_Request = _HookRequest | _WebhookRequest | PutRotaRequest
_Reply = HookSecretReply | DeleteHookReply | WebhookReply | WebhookSecretReply | PutRotaReply
RequestT = TypeVar("RequestT", bound=_Request)
ReplyT = TypeVar("ReplyT", bound=_Reply)

_ACTIONS: Final[dict[type[Model], AuditedAction]] = {
    CreateHookRequest: AuditedAction.CREATE_HOOK,
    RotateHookRequest: AuditedAction.ROTATE_HOOK,
    DeleteHookRequest: AuditedAction.DELETE_HOOK,
    CreateWebhookRequest: AuditedAction.CREATE_WEBHOOK,
    ChangeWebhookRequest: AuditedAction.CHANGE_WEBHOOK,
    RotateWebhookRequest: AuditedAction.ROTATE_WEBHOOK,
    ReplayWebhookRequest: AuditedAction.REPLAY_WEBHOOK,
    DeleteWebhookRequest: AuditedAction.DELETE_WEBHOOK,
    PutRotaRequest: AuditedAction.PUT_ROTA,
}


def with_audit(
    audit: AuditWriter, handler: Callable[[RequestT], Awaitable[ReplyT]]
) -> Callable[[RequestT], Awaitable[ReplyT]]:
    """Wrap ``handler`` to write an audit entry for every outcome, except retryable errors."""

    async def handle(request: RequestT) -> ReplyT:
        action = _ACTIONS[type(request)]
        try:
            reply = await handler(request)
        except FaultError as error:
            if error.fault.code not in RETRYABLE:
                audit.record(rejected_entry(action, request.by, error.fault, _target(request)))
            raise
        audit.record(moderation_entry(action, request.by, _changed(reply), None, once=_once(request)))
        return reply

    return handle


def _changed(reply: _Reply) -> str:
    if isinstance(reply, PutRotaReply):
        return f"{reply.name} ({reply.room})"
    if isinstance(reply, HookSecretReply | DeleteHookReply):
        return f"{reply.hook.name} ({reply.hook.room})"
    return f"{reply.webhook.id} ({_host(reply.webhook.url)})"


def _target(request: _Request) -> str:
    if isinstance(request, PutRotaRequest):
        return request.rota.name
    if isinstance(request, CreateHookRequest):
        return request.name
    return _host(request.url) if isinstance(request, CreateWebhookRequest) else request.id


def _host(url: str) -> str:
    """Return the host of an address, without what may be a secret in it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _once(request: _Request) -> str | None:
    """Return an id that a retry of the request has, too; never the one that a secret is derived from.

    None: each request counts.
    """
    match request:
        case DeleteHookRequest() | DeleteWebhookRequest():
            return request.id
        case ChangeWebhookRequest() | ReplayWebhookRequest() | PutRotaRequest():
            return None
        case _:
            return hashlib.sha256(f"audit/{request.request_id}".encode()).hexdigest()[:32]
