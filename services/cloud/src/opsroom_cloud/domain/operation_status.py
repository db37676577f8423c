"""The status of an operation, derived from the events of its instance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from opsroom_contracts.cloud.approvals import Approval
from opsroom_contracts.cloud.commands import AWAITING, DONE, IMMEDIATE, EventType
from opsroom_contracts.cloud.models import (
    UNFINISHED,
    InstanceEvent,
    Operation,
    OperationRecord,
    OperationStatus,
    PendingOperation,
    pending_of,
)

_STATUS: dict[EventType, OperationStatus] = {
    **dict.fromkeys(DONE.values(), OperationStatus.DONE),
    EventType.CANCELLED: OperationStatus.CANCELLED,
    EventType.FAILED: OperationStatus.FAILED,
    EventType.DENIED: OperationStatus.DENIED,
    EventType.EXPIRED: OperationStatus.EXPIRED,
}

_ACCEPTING = frozenset({EventType.RECEIVED, EventType.REQUESTED, *IMMEDIATE.values()})
_GOES_ON = AWAITING | {EventType.RECEIVED}
_REPLACED = "another operation followed before it was finished"


@dataclass(frozen=True, slots=True)
class SequencedEvent:
    """An event and its sequence in the stream."""

    seq: int
    event: InstanceEvent


@dataclass(frozen=True, slots=True)
class Progress:
    """The status of an operation, and the sequence of the event that shows it.

    ``reason``: why it failed or was denied. ``approval``: what it waits or waited for, if it did, and
    ``due_at``: when it was due then, or when the wait ends.
    """

    status: OperationStatus
    seq: int
    reason: str | None = None
    approval: Approval | None = None
    due_at: datetime | None = None


class StatusReader:
    """Derives the status of an operation from its instance's events, one by one from the accepting one on.

    If another operation follows without a final event of this one, which can happen only with events
    published by hand, it counts as failed.
    """

    def __init__(self, operation_id: str) -> None:
        self._operation_id = operation_id
        self.found: Progress | None = None
        """The status so far; None if the first event did not accept the operation."""

    def read(self, item: SequencedEvent) -> bool:
        """Read the next event; return whether more of them may change the status."""
        event, status = item.event, self._status_of(item.event)
        if self.found is None:
            if event.operation_id != self._operation_id or event.type not in _ACCEPTING:
                return False
            self.found = self._waiting(item) or Progress(status or OperationStatus.PENDING, item.seq)
        elif self.found.status is OperationStatus.AWAITING_APPROVAL and event.type in _GOES_ON:
            self.found = self._waiting(item) or self._begun(self.found, item)
        elif status is not None:
            reason = event.reason if event.operation_id == self._operation_id else _REPLACED
            self.found = replace(self.found, status=status, seq=item.seq, reason=reason)
        return self.found.status in UNFINISHED

    def _waiting(self, item: SequencedEvent) -> Progress | None:
        """Return the status after an event of an approval; None if it is none of this operation."""
        event = item.event
        if event.operation_id != self._operation_id or event.type not in AWAITING or event.pending is None:
            return None
        return Progress(
            OperationStatus.AWAITING_APPROVAL,
            item.seq,
            approval=event.pending.approval,
            due_at=event.pending.due_at,
        )

    def _begun(self, waited: Progress, item: SequencedEvent) -> Progress:
        """Return the status after the event with which the delay begins."""
        if item.event.operation_id != self._operation_id:
            return replace(waited, status=OperationStatus.FAILED, seq=item.seq, reason=_REPLACED)
        due_at = pending_of(item.event).due_at
        return replace(waited, status=OperationStatus.PENDING, seq=item.seq, due_at=due_at)

    def _status_of(self, event: InstanceEvent) -> OperationStatus | None:
        """Return the status that ``event`` gives the operation; None if it goes on as before."""
        if event.operation_id == self._operation_id:
            return _STATUS.get(event.type)
        goes_on = event.pending is not None and event.pending.id == self._operation_id
        return None if goes_on else OperationStatus.FAILED


def status_from_events(operation_id: str, history: Iterable[SequencedEvent]) -> Progress | None:
    """Return the status of an operation, given its instance's events from the one that accepted it.

    None if ``history`` does not begin with that event.
    """
    reader = StatusReader(operation_id)
    for item in history:
        if not reader.read(item):
            break
    return reader.found


def operation_of(operation_id: str, record: OperationRecord, found: OperationStatus | Progress) -> Operation:
    """Build the operation described by ``record``, with the status that was ``found``."""
    at = found if isinstance(found, Progress) else Progress(found, 0)
    return Operation(
        id=operation_id,
        command=record.command,
        instance_id=record.instance_id,
        status=at.status,
        actor=record.actor,
        accepted_at=record.accepted_at,
        due_at=at.due_at or record.due_at,
        reason=at.reason,
        approval=at.approval,
    )


def status_of_pending(pending: PendingOperation) -> Progress:
    """Return the status of an operation that is pending; its sequence is unknown."""
    if pending.approval is None:
        return Progress(OperationStatus.PENDING, 0)
    return Progress(OperationStatus.AWAITING_APPROVAL, 0, approval=pending.approval, due_at=pending.due_at)


def begun_by(event: InstanceEvent) -> PendingOperation | None:
    """Return the operation that begins with ``event``, perhaps by waiting; None: none does."""
    if event.type is EventType.REQUESTED:
        return event.pending
    return pending_of(event) if event.type is EventType.RECEIVED else None


def record_of(instance_id: str, pending: PendingOperation, target: str | None = None) -> OperationRecord:
    """Build the record of a pending operation. ``target``: what the request named, if not the id."""
    return OperationRecord(
        instance_id=instance_id,
        command=pending.command,
        actor=pending.actor,
        accepted_at=pending.accepted_at,
        due_at=pending.due_at,
        target=target,
    )


def record_of_event(event: InstanceEvent, target: str | None = None) -> OperationRecord:
    """Build the record of the operation that ``event`` accepts; see :func:`record_of`.

    Raises:
        ValueError: the event names no operation.
    """
    begun = begun_by(event)
    if begun is not None:
        return record_of(event.instance_id, begun, target)
    if event.command is None:
        raise ValueError(f"a {event.type.value} event without a command")
    return OperationRecord(
        instance_id=event.instance_id,
        command=event.command,
        actor=event.actor,
        accepted_at=event.timestamp,
        due_at=event.timestamp,
        target=target,
        event_offset=1,
    )
