"""The life cycle of an instance: which command may follow what, and which event says so.

An instance is the fold of its events (:func:`opsroom_contracts.cloud.apply`), of which the last alone
decides. So every event here carries the whole state after it; one that undoes an operation carries the
state from before, and since when that has held.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_contracts.cloud import Instance, InstanceEvent, PendingOperation
from opsroom_contracts.commands import COMMANDS, Command, EventType, InstanceState
from opsroom_contracts.errors import ErrorCode, Fault

REASON_MAX = 500
"""The most characters of a provider's reason that an event keeps."""


@dataclass(frozen=True, slots=True)
class AcceptCommand:
    """A command as somebody gave it, with all that accepting it would need.

    ``pending_max``: so many operations of the actor may be pending, this one included; None: any number.
    """

    command: Command
    instance_id: str
    operation_id: str
    actor: str
    accepted_at: datetime
    due_at: datetime
    pending_max: int | None = None


def deadline_of(pending: PendingOperation, stored_at: datetime, longest: timedelta) -> datetime:
    """When an operation has to end whose acceptance the broker stored at ``stored_at``.

    When it is due, and never before its whole delay has passed since it was stored: the command was given a
    moment earlier, and clocks differ. Nothing stays pending for more than ``longest``: an event published by
    hand may claim any due time, but the broker keeps no event for ever.
    """
    waits = max(pending.due_at - stored_at, pending.due_at - pending.accepted_at)
    return stored_at + min(waits, longest)


def decide(instance: Instance | None, order: AcceptCommand) -> InstanceEvent | Fault:
    """The ``received`` event that accepts ``order``, or why it is refused."""
    refusal = _refusal(instance, order)
    if refusal is not None:
        return refusal
    return InstanceEvent(
        type=EventType.RECEIVED,
        instance_id=order.instance_id,
        operation_id=order.operation_id,
        command=order.command,
        state=InstanceState.STOPPED if instance is None else instance.state,
        actor=order.actor,
        timestamp=order.accepted_at,
        due_at=order.due_at,
        since=None if instance is None else instance.timestamp,
    )


def complete(instance: Instance | None, operation_id: str, now: datetime) -> InstanceEvent | None:
    """The event that says the operation is done, or None where it is not pending."""
    pending = _pending(instance, operation_id)
    if instance is None or pending is None:
        return None
    spec = COMMANDS[pending.command]
    return InstanceEvent(
        type=spec.done,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=spec.leaves or instance.state,
        actor=pending.actor,
        timestamp=now,
    )


def fail(instance: Instance | None, operation_id: str, reason: str, now: datetime) -> InstanceEvent | None:
    """The event that says the operation failed, the former state holding; None where it is not pending."""
    pending = _pending(instance, operation_id)
    if instance is None or pending is None:
        return None
    return InstanceEvent(
        type=EventType.FAILED,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=instance.state,
        actor=pending.actor,
        timestamp=now,
        reason=reason[:REASON_MAX],
        since=instance.timestamp,
    )


def cancel(instance: Instance | None, operation_id: str, actor: str, now: datetime) -> InstanceEvent | Fault:
    """The event that says ``actor`` cancelled the operation, or why that can't be.

    From the due time on the work may be under way at the provider, so it is too late then.
    """
    pending = _pending(instance, operation_id)
    if instance is None or pending is None:
        return _finished(operation_id, "is not pending any more")
    if now >= pending.due_at:
        return _finished(operation_id, "is due and can't be cancelled any more")
    return InstanceEvent(
        type=EventType.CANCELLED,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=instance.state,
        actor=actor,
        timestamp=now,
        since=instance.timestamp,
    )


def retain(event: InstanceEvent, now: datetime) -> InstanceEvent:
    """The state that ``event`` left, said anew, so that it outlives ``event`` in the stream."""
    return InstanceEvent(
        type=EventType.RETAINED,
        instance_id=event.instance_id,
        operation_id=event.operation_id,
        command=event.command,
        state=event.state,
        actor=event.actor,
        timestamp=now,
        since=event.since or event.timestamp,
    )


def _refusal(instance: Instance | None, order: AcceptCommand) -> Fault | None:
    if instance is None:
        if order.command is Command.CREATE:
            return None
        return Fault(
            code=ErrorCode.INSTANCE_NOT_FOUND,
            message=f"there is no instance {order.instance_id}",
            field="instanceId",
        )
    pending = instance.pending
    if pending is not None:
        return Fault(
            code=ErrorCode.OPERATION_PENDING,
            message=f"{pending.command.value} is pending on instance {instance.id} (operation {pending.id})",
            operation_id=pending.id,
        )
    if order.command is Command.CREATE:
        return _invalid(f"instance {instance.id} exists already")
    spec = COMMANDS[order.command]
    if instance.state in spec.needs:
        return None
    already = " already" if instance.state is spec.leaves else ""
    return _invalid(f"instance {instance.id} is {instance.state.value}{already}")


def _invalid(message: str) -> Fault:
    return Fault(code=ErrorCode.TRANSITION_INVALID, message=message)


def _finished(operation_id: str, why: str) -> Fault:
    return Fault(
        code=ErrorCode.OPERATION_FINISHED,
        message=f"operation {operation_id} {why}",
        operation_id=operation_id,
    )


def _pending(instance: Instance | None, operation_id: str) -> PendingOperation | None:
    pending = None if instance is None else instance.pending
    return pending if pending is not None and pending.id == operation_id else None
