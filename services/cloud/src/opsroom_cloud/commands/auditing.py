"""Audit logging of commands and their outcomes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opsroom_contracts.audit import AuditAction, AuditEntry, Requester
from opsroom_contracts.cloud.approvals import mark_of
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    ApproveRequest,
    Caller,
    CancelRequest,
    DenyRequest,
    InstanceRequest,
    OperationReply,
    author_of,
)
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

RequestT = TypeVar("RequestT", bound=Caller | CancelRequest)
Handler = Callable[[RequestT], Awaitable[OperationReply]]

_PART_DIGITS = 16
_NOT_AUDITED = RETRYABLE - {ErrorCode.RATE_LIMITED}


def with_audit(audit: AuditWriter, action: AuditAction, handler: Handler[RequestT]) -> Handler[RequestT]:
    """Wrap ``handler`` to write an audit entry for every outcome, except retryable errors.

    An exceeded quota (``rate_limited``) is audited although it is retryable.
    """

    async def handle(request: RequestT) -> OperationReply:
        target = _target(request)
        try:
            reply = await handler(request)
        except FaultError as error:
            if error.fault.code not in _NOT_AUDITED:
                audit.record(rejected_entry(action, _caller(request), error.fault, target))
            raise
        audit.record(_accepted(action, request, reply.operation))
        return reply

    return handle


def _accepted(action: AuditAction, request: Caller | CancelRequest, operation: Operation) -> AuditEntry:
    """Return the entry of an accepted request. Several people may approve one operation, each once."""
    caller, part, reason = _caller(request), None, None
    if isinstance(request, ApproveRequest | DenyRequest):
        part = mark_of(operation.id, request.identity or request.actor)[:_PART_DIGITS]
        reason = request.alone if isinstance(request, ApproveRequest) else request.reason
    return accepted_entry(action, caller, operation.id, operation.instance_id, part=part, reason=reason)


def _caller(request: Caller | CancelRequest) -> Requester:
    return Requester(name=author_of(request), address=request.address, identity=request.identity)


def _target(request: Caller | CancelRequest) -> str | None:
    match request:
        case InstanceRequest():
            return request.instance_id
        case CancelRequest():
            return request.operation_id
        case AdoptRequest():
            return request.resource
        case _:
            return None
