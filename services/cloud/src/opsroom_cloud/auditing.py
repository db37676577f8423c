"""Commands, with what was answered to each in the audit."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from opsroom_contracts.audit import AuditAction
from opsroom_contracts.cloud import CancelRequest, CreateRequest, InstanceRequest, OperationReply
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

AskedT = TypeVar("AskedT", CreateRequest, InstanceRequest, CancelRequest)
Handler = Callable[[AskedT], Awaitable[OperationReply]]

_UNDECIDED = RETRYABLE - {ErrorCode.RATE_LIMITED}


def audited(audit: AuditWriter, action: AuditAction, handler: Handler[AskedT]) -> Handler[AskedT]:
    """``handler``, with an entry for every command that it decides on; "try again" decides nothing.

    That somebody has too much pending is a decision.
    """

    async def handle(request: AskedT) -> OperationReply:
        target = _target(request)
        try:
            reply = await handler(request)
        except FaultError as error:
            if error.fault.code not in _UNDECIDED:
                entry = rejected_entry(action, request.actor, error.fault, target)
                audit.record(entry.model_copy(update={"address": request.address}))
            raise
        operation = reply.operation
        entry = accepted_entry(action, request.actor, operation.id, operation.instance_id)
        audit.record(entry.model_copy(update={"address": request.address}))
        return reply

    return handle


def _target(request: CreateRequest | InstanceRequest | CancelRequest) -> str | None:
    match request:
        case InstanceRequest():
            return request.instance_id
        case CancelRequest():
            return request.operation_id
        case _:
            return None
