"""Audit logging of moderation, of invitations and of devices: requests and their outcomes."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from opsroom_chat.domain.tokens import owner_of
from opsroom_contracts.audit import TARGET_MAX, AuditAction, AuditedAction, AuditEntry, Requester
from opsroom_contracts.chat.bots import CreateBotReply, CreateBotRequest
from opsroom_contracts.chat.imports import ImportRequest
from opsroom_contracts.chat.invitations import (
    ExchangeReply,
    ExchangeRequest,
    InviteReply,
    InviteRequest,
    LinkReply,
    LinkRequest,
    SignOutReply,
    SignOutRequest,
    WithdrawReply,
    WithdrawRequest,
)
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
DeviceRequest = (
    InviteRequest
    | WithdrawRequest
    | LinkRequest
    | ExchangeRequest
    | SignOutRequest
    | CreateBotRequest
    | ImportRequest
)
_WITHOUT_REASON = (
    InviteRequest | LinkRequest | ExchangeRequest | SignOutRequest | CreateBotRequest | ImportRequest
)
AuditedRequest = ModerationRequest | DeviceRequest
RequestT = TypeVar(
    "RequestT",
    RemoveRequest,
    RestrictRequest,
    LiftRequest,
    RevokeRequest,
    InviteRequest,
    WithdrawRequest,
    LinkRequest,
    ExchangeRequest,
    SignOutRequest,
    CreateBotRequest,
    ImportRequest,
)
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


def _accepted(request: AuditedRequest, reply: Model) -> AuditEntry:
    target, by, reason = _target(request), request.by, None
    if isinstance(reply, RestrictReply | LiftReply):
        concerned = reply.restriction
        target = concerned.name or concerned.address or concerned.id
    elif isinstance(reply, WithdrawReply | LinkReply | ExchangeReply | SignOutReply):
        target = reply.user.name
    elif isinstance(reply, InviteReply):
        target = f"{reply.invitation.name} ({reply.invitation.role})"
    elif isinstance(reply, CreateBotReply):
        target = f"{reply.user.name} (bot)"
    if isinstance(reply, ExchangeReply):
        by = Requester(name=reply.user.name, address=by.address, identity=by.identity)
    if not isinstance(request, _WITHOUT_REASON):
        reason = request.reason
    return moderation_entry(_action(request), by, target, reason, once=_once(request))


def _refused(request: AuditedRequest, fault: Fault) -> AuditEntry:
    return rejected_entry(_action(request), request.by, fault, clip(_target(request), TARGET_MAX))


def _once(request: AuditedRequest) -> str | None:
    """Return an id that a retry of the request has, too; never the one that a secret is derived from."""
    match request:
        case RemoveRequest():
            return request.id
        case InviteRequest() | LinkRequest() | CreateBotRequest():
            return hashlib.sha256(f"audit/{request.request_id}".encode()).hexdigest()[:32]
        case ExchangeRequest():
            return hashlib.sha256(f"audit/{request.secret}".encode()).hexdigest()[:32]
        case ImportRequest():
            return hashlib.sha256(
                f"audit/import/{request.source}/{request.by.identity}".encode()
            ).hexdigest()[:32]
        case SignOutRequest():
            return hashlib.sha256(f"audit/{request.token_hash}".encode()).hexdigest()[:32]
        case _:
            return request.request_id


_ACTIONS: Final[dict[type[Model], AuditAction]] = {
    RemoveRequest: AuditedAction.REMOVE_MESSAGE,
    LiftRequest: AuditedAction.LIFT,
    RevokeRequest: AuditedAction.REVOKE,
    InviteRequest: AuditedAction.INVITE,
    WithdrawRequest: AuditedAction.WITHDRAW,
    LinkRequest: AuditedAction.LINK_DEVICE,
    ExchangeRequest: AuditedAction.USE_LINK,
    SignOutRequest: AuditedAction.SIGN_OUT,
    CreateBotRequest: AuditedAction.CREATE_BOT,
    ImportRequest: AuditedAction.IMPORT,
}


def _action(request: AuditedRequest) -> AuditAction:
    if isinstance(request, RestrictRequest):
        return AuditedAction.MUTE if request.kind is RestrictionKind.MUTE else AuditedAction.BAN
    return _ACTIONS[type(request)]


def _target(request: AuditedRequest) -> str:
    match request:
        case RemoveRequest() | LiftRequest() | WithdrawRequest():
            return request.id
        case RestrictRequest():
            return request.name or request.address or ""
        case InviteRequest() | CreateBotRequest():
            return request.name
        case RevokeRequest() | LinkRequest() | SignOutRequest():
            return request.user_id
        case ImportRequest():
            return request.source
        case ExchangeRequest():
            return owner_of(request.secret)
