"""Audit logging of changes of hooks."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.hooks import (
    CreateHookRequest,
    DeleteHookReply,
    DeleteHookRequest,
    HookSecretReply,
    RotateHookRequest,
)
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.jetstream.audit_log import AuditWriter, moderation_entry, rejected_entry

RequestT = TypeVar("RequestT", CreateHookRequest, RotateHookRequest, DeleteHookRequest)
ReplyT = TypeVar("ReplyT", HookSecretReply, DeleteHookReply)

_ACTIONS: Final[dict[type[Model], AuditedAction]] = {
    CreateHookRequest: AuditedAction.CREATE_HOOK,
    RotateHookRequest: AuditedAction.ROTATE_HOOK,
    DeleteHookRequest: AuditedAction.DELETE_HOOK,
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
        target = f"{reply.hook.name} ({reply.hook.room})"
        audit.record(moderation_entry(action, request.by, target, None, once=_once(request)))
        return reply

    return handle


def _target(request: CreateHookRequest | RotateHookRequest | DeleteHookRequest) -> str:
    return request.name if isinstance(request, CreateHookRequest) else request.id


def _once(request: CreateHookRequest | RotateHookRequest | DeleteHookRequest) -> str:
    """Return an id that a retry of the request has, too; never the one that a secret is derived from."""
    if isinstance(request, DeleteHookRequest):
        return request.id
    return hashlib.sha256(f"audit/{request.request_id}".encode()).hexdigest()[:32]
