"""Audit logging of moderation requests and their outcomes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opsroom_contracts.audit import TARGET_MAX, AuditAction, AuditedAction, AuditEntry
from opsroom_contracts.chat.moderation import (
    LiftReply,
    LiftRequest,
    RemoveRequest,
    RestrictionKind,
    RestrictReply,
    RestrictRequest,
    RevokeRequest,
)
from opsroom_contracts.errors import RETRYABLE, Fault, FaultError
from opsroom_contracts.serialization.model import Model
from opsroom_contracts.text import clip
from opsroom_messaging.jetstream.audit_log import AuditWriter, moderation_entry, rejected_entry

ModerationRequest = RemoveRequest | RestrictRequest | LiftRequest | RevokeRequest
RequestT = TypeVar("RequestT", RemoveRequest, RestrictRequest, LiftRequest, RevokeRequest)
ReplyT = TypeVar("ReplyT", bound=Model)


def with_audit(
    audit: AuditWriter, handler: Callable[[RequestT], Awaitable[ReplyT]]
) -> Callable[[RequestT], Awaitable[ReplyT]]:
    """Wrap ``handler`` to write an audit entry for every outcome, except retryable errors."""

    async def handle(request: RequestT) -> ReplyT:
        try:
            reply = await handler(request)
        except FaultError as error:
            if error.fault.code not in RETRYABLE:
                audit.record(_refused(request, error.fault))
            raise
        audit.record(_accepted(request, reply))
        return reply

    return handle


def _accepted(request: ModerationRequest, reply: Model) -> AuditEntry:
    once = request.id if isinstance(request, RemoveRequest) else request.request_id
    concerned = reply.restriction if isinstance(reply, RestrictReply | LiftReply) else None
    target = _target(request) if concerned is None else concerned.name or concerned.address or concerned.id
    return moderation_entry(_action(request), request.by, target, request.reason, once=once)


def _refused(request: ModerationRequest, fault: Fault) -> AuditEntry:
    return rejected_entry(_action(request), request.by, fault, clip(_target(request), TARGET_MAX))


def _action(request: ModerationRequest) -> AuditAction:
    match request:
        case RemoveRequest():
            return AuditedAction.REMOVE_MESSAGE
        case RestrictRequest():
            return AuditedAction.MUTE if request.kind is RestrictionKind.MUTE else AuditedAction.BAN
        case LiftRequest():
            return AuditedAction.LIFT
        case RevokeRequest():
            return AuditedAction.REVOKE


def _target(request: ModerationRequest) -> str:
    match request:
        case RemoveRequest() | LiftRequest():
            return request.id
        case RestrictRequest():
            return request.name or request.address or ""
        case RevokeRequest():
            return request.user_id
