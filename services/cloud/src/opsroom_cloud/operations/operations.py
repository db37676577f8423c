"""Handlers for accepted operations: status and cancellation."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

from opsroom_cloud.domain.approvals import cancel_refusal
from opsroom_cloud.domain.operation_status import StatusReader, operation_of
from opsroom_cloud.domain.outcomes import cancel, pending_on
from opsroom_cloud.instances.event_store import EventStore, OperationRecordAt
from opsroom_cloud.operations.voters import voter_of
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.cloud.requests import CancelRequest, OperationReply, OperationRequest, author_of
from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_messaging.errors import ConflictError

_ATTEMPTS = 5


class Operations:
    """Handlers of ``cloud.operation`` and ``cloud.cancel``."""

    def __init__(self, events: EventStore, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._clock = clock

    async def show(self, request: OperationRequest) -> OperationReply:
        """Return the status of an operation."""
        return await self.reply(request.operation_id, await self.recorded(request.operation_id))

    async def cancel(self, request: CancelRequest) -> OperationReply:
        """Cancel a pending operation; for a cancelled one, return the same reply again."""
        operation_id = request.operation_id
        recorded = await self.recorded(operation_id)
        for _ in range(_ATTEMPTS):
            known = await self._events.refresh(recorded.record.instance_id)
            pending = pending_on(known.instance, operation_id)
            refusal = None if pending is None else cancel_refusal(pending, voter_of(request))
            if refusal is not None:
                raise FaultError(refusal)
            event = cancel(known.instance, operation_id, author_of(request), self._clock(), request.identity)
            if isinstance(event, Fault):
                reply = await self.reply(operation_id, recorded)
                if reply.operation.status is OperationStatus.CANCELLED:
                    return reply
                raise FaultError(event)
            try:
                seq = await self._events.append(event, expected=known.seq)
            except ConflictError:
                continue
            if pending is None or pending.approval is None:
                operation = operation_of(operation_id, recorded.record, OperationStatus.CANCELLED)
                return OperationReply(operation=operation, seq=seq)
            return await self.reply(operation_id, recorded)
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this instance; try again")

    async def reply(self, operation_id: str, recorded: OperationRecordAt) -> OperationReply:
        """Return the operation with its current status and the sequence of the event that shows it."""
        reader = StatusReader(operation_id)
        history = self._events.history(recorded.record.instance_id, recorded.accepted_seq)
        async with aclosing(history):
            async for item in history:
                if not reader.read(item):
                    break
        found = reader.found
        if found is None:
            raise refuse(
                ErrorCode.OPERATION_NOT_FOUND,
                f"the events of operation {operation_id} have expired",
                operation_id=operation_id,
            )
        operation = operation_of(operation_id, recorded.record, found)
        return OperationReply(operation=operation, seq=found.seq)

    async def recorded(self, operation_id: str) -> OperationRecordAt:
        """Return the record of an operation.

        Raises:
            FaultError: ``operation_not_found``.
        """
        recorded = await self._events.recorded(operation_id)
        if recorded is None:
            raise refuse(
                ErrorCode.OPERATION_NOT_FOUND, f"there is no operation {operation_id}", field="operationId"
            )
        return recorded
