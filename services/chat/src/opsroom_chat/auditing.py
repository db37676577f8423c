"""Moderation, with what was answered to each request in the audit."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opsroom_contracts.audit import AuditAction, AuditedAction, AuditEntry
from opsroom_contracts.errors import RETRYABLE, Fault, FaultError
from opsroom_contracts.model import Model
from opsroom_contracts.moderation import (
    LiftReply,
    LiftRequest,
    RemoveRequest,
    RestrictionKind,
    RestrictReply,
    RestrictRequest,
    RevokeRequest,
)
from opsroom_messaging.jetstream.audit_log import AuditWriter, moderation_entry, rejected_entry

Asked = RemoveRequest | RestrictRequest | LiftRequest | RevokeRequest
AskedT = TypeVar("AskedT", RemoveRequest, RestrictRequest, LiftRequest, RevokeRequest)
ReplyT = TypeVar("ReplyT", bound=Model)


def audited(
    audit: AuditWriter, handler: Callable[[AskedT], Awaitable[ReplyT]]
) -> Callable[[AskedT], Awaitable[ReplyT]]:
    """``handler``, with an entry for everything that it decides on; "try again" decides nothing."""

    async def handle(request: AskedT) -> ReplyT:
        try:
            reply = await handler(request)
        except FaultError as error:
            if error.fault.code not in RETRYABLE:
                audit.record(_refused(request, error.fault))
            raise
        audit.record(_accepted(request, reply))
        return reply

    return handle


def _accepted(request: Asked, reply: Model) -> AuditEntry:
    once = request.id if isinstance(request, RemoveRequest) else request.request_id
    concerned = reply.restriction if isinstance(reply, RestrictReply | LiftReply) else None
    target = _target(request) if concerned is None else concerned.name or concerned.address or concerned.id
    return moderation_entry(_action(request), request.by, target, request.reason, once=once)


def _refused(request: Asked, fault: Fault) -> AuditEntry:
    entry = rejected_entry(_action(request), request.by.name, fault, _target(request)[:128])
    return entry.model_copy(update={"address": request.by.address})


def _action(request: Asked) -> AuditAction:
    match request:
        case RemoveRequest():
            return AuditedAction.REMOVE_MESSAGE
        case RestrictRequest():
            return AuditedAction.MUTE if request.kind is RestrictionKind.MUTE else AuditedAction.BAN
        case LiftRequest():
            return AuditedAction.LIFT
        case RevokeRequest():
            return AuditedAction.REVOKE


def _target(request: Asked) -> str:
    match request:
        case RemoveRequest() | LiftRequest():
            return request.id
        case RestrictRequest():
            return request.name or request.address or ""
        case RevokeRequest():
            return request.user_id
