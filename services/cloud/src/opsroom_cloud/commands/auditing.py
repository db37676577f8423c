"""Audit logging of commands and their outcomes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opsroom_contracts.audit import AuditAction, Requester
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    Caller,
    CancelRequest,
    InstanceRequest,
    OperationReply,
    author_of,
)
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

RequestT = TypeVar("RequestT", bound=Caller | CancelRequest)
Handler = Callable[[RequestT], Awaitable[OperationReply]]

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
        operation = reply.operation
        audit.record(accepted_entry(action, _caller(request), operation.id, operation.instance_id))
        return reply

    return handle


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
