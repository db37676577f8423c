"""What became of an operation, read off the events of its instance."""

from collections.abc import Iterable
from dataclasses import dataclass

from opsroom_contracts.cloud import (
    InstanceEvent,
    Operation,
    OperationRecord,
    OperationStatus,
    PendingOperation,
)
from opsroom_contracts.commands import COMMANDS, EventType

_STATUS: dict[EventType, OperationStatus] = {
    **{spec.done: OperationStatus.DONE for spec in COMMANDS.values()},
    EventType.CANCELLED: OperationStatus.CANCELLED,
    EventType.FAILED: OperationStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class SequencedEvent:
    """An event and its sequence in the stream."""

    seq: int
    event: InstanceEvent


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is, and the sequence of the event that shows it."""

    status: OperationStatus
    seq: int


def status_from_events(operation_id: str, history: Iterable[SequencedEvent]) -> Progress | None:
    """How far the operation is, given its instance's events from the one that accepted it on.

    None where ``history`` doesn't begin with that one. An operation that another one followed without
    its own having ended (only events published by hand come so) never ends: that counts as failed.
    """
    accepted: Progress | None = None
    for happened in history:
        event = happened.event
        mine = event.operation_id == operation_id
        if accepted is None:
            if not mine or event.type is not EventType.RECEIVED:
                return None
            accepted = Progress(OperationStatus.PENDING, happened.seq)
        elif mine and event.type in _STATUS:
            return Progress(_STATUS[event.type], happened.seq)
        elif not mine:
            return Progress(OperationStatus.FAILED, happened.seq)
    return accepted


def operation_of(operation_id: str, record: OperationRecord, status: OperationStatus) -> Operation:
    """The operation that ``record`` tells of."""
    return Operation(
        id=operation_id,
        command=record.command,
        instance_id=record.instance_id,
        status=status,
        actor=record.actor,
        accepted_at=record.accepted_at,
        due_at=record.due_at,
    )


def record_of(instance_id: str, pending: PendingOperation) -> OperationRecord:
    """What is recorded of a pending operation."""
    return OperationRecord(
        instance_id=instance_id,
        command=pending.command,
        actor=pending.actor,
        accepted_at=pending.accepted_at,
        due_at=pending.due_at,
    )
