"""The status of an operation, derived from the events of its instance."""

from collections.abc import Iterable
from dataclasses import dataclass

from opsroom_contracts.cloud.commands import COMMANDS, EventType
from opsroom_contracts.cloud.models import (
    InstanceEvent,
    Operation,
    OperationRecord,
    OperationStatus,
    PendingOperation,
)

_STATUS: dict[EventType, OperationStatus] = {
    **{spec.done: OperationStatus.DONE for spec in COMMANDS.values()},
    EventType.CANCELLED: OperationStatus.CANCELLED,
    EventType.FAILED: OperationStatus.FAILED,
}

_REPLACED = "another operation followed before it was finished"


@dataclass(frozen=True, slots=True)
class SequencedEvent:
    """An event and its sequence in the stream."""

    seq: int
    event: InstanceEvent


@dataclass(frozen=True, slots=True)
class Progress:
    """The status of an operation, and the sequence of the event that shows it. ``reason``: why it failed."""

    status: OperationStatus
    seq: int
    reason: str | None = None


def status_from_events(operation_id: str, history: Iterable[SequencedEvent]) -> Progress | None:
    """Return the status of an operation, given its instance's events from the one that accepted it.

    None if ``history`` does not begin with that event. If another operation follows without a final event of
    this one, which can happen only with events published by hand, it counts as failed.
    """
    accepted: Progress | None = None
    for item in history:
        event = item.event
        mine = event.operation_id == operation_id
        if accepted is None:
            if not mine or event.type is not EventType.RECEIVED:
                return None
            accepted = Progress(OperationStatus.PENDING, item.seq)
        elif mine and event.type in _STATUS:
            return Progress(_STATUS[event.type], item.seq, event.reason)
        elif not mine:
            return Progress(OperationStatus.FAILED, item.seq, _REPLACED)
    return accepted


def operation_of(
    operation_id: str, record: OperationRecord, status: OperationStatus, reason: str | None = None
) -> Operation:
    """Build the operation described by ``record``. ``reason``: why it failed."""
    return Operation(
        id=operation_id,
        command=record.command,
        instance_id=record.instance_id,
        status=status,
        actor=record.actor,
        accepted_at=record.accepted_at,
        due_at=record.due_at,
        reason=reason,
    )


def record_of(instance_id: str, pending: PendingOperation) -> OperationRecord:
    """Build the record of a pending operation."""
    return OperationRecord(
        instance_id=instance_id,
        command=pending.command,
        actor=pending.actor,
        accepted_at=pending.accepted_at,
        due_at=pending.due_at,
    )
