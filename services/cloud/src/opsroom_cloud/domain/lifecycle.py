"""Rules of an instance's life cycle: which commands are valid in which state, and the resulting events.

An instance is a projection of its events (:func:`opsroom_contracts.cloud.models.apply`) for which the last
event is enough. Every event therefore carries the complete state after it. An event that ends an operation
without effect carries the previous state and since when it has held.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_contracts.cloud.commands import COMMANDS, Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Instance, InstanceEvent, PendingOperation
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.text import clip

REASON_MAX = 500
"""The maximum length of a provider's reason in an event, in characters; longer reasons are clipped."""


SYSTEM = "opsroom"
"""The actor of events that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed; ``reason`` is a sentence in English."""

    code: FailureCode
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptCommand:
    """A command with everything that is needed to accept it.

    ``identity``: who the command is for, if known; ``actor``: the name to show. ``pending_max``: the caller's
    quota of pending operations, including this one; None: no quota.
    """

    command: Command
    instance_id: str
    operation_id: str
    actor: str
    accepted_at: datetime
    due_at: datetime
    identity: str | None = None
    pending_max: int | None = None


def deadline_of(pending: PendingOperation, stored_at: datetime, longest: timedelta) -> datetime:
    """Return when an operation must complete if the broker stored its acceptance at ``stored_at``.

    This is its due time, but at least its whole delay after it was stored: the command was created slightly
    earlier, and clocks differ. At most ``longest`` after it was stored: an event published by hand can have
    any due time, but events expire.
    """
    waits = max(pending.due_at - stored_at, pending.due_at - pending.accepted_at)
    return stored_at + min(waits, longest)


def decide(instance: Instance | None, order: AcceptCommand) -> InstanceEvent | Fault:
    """Return the ``received`` event that accepts ``order``, or the fault that refuses it."""
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
        identity=order.identity,
        timestamp=order.accepted_at,
        due_at=order.due_at,
        since=None if instance is None else instance.timestamp,
    )


def complete(
    instance: Instance | None, operation_id: str, now: datetime, identity: str | None = None
) -> InstanceEvent | None:
    """Return the event that completes the operation of ``identity``; None if it is not pending."""
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
        identity=identity,
        timestamp=now,
    )


def fail(
    instance: Instance | None,
    operation_id: str,
    failure: Failure,
    now: datetime,
    identity: str | None = None,
) -> InstanceEvent | None:
    """Return the event that fails the operation and keeps the previous state; None if it is not pending."""
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
        identity=identity,
        timestamp=now,
        reason=clip(failure.reason, REASON_MAX),
        reason_code=failure.code,
        since=instance.timestamp,
    )


def cancel(
    instance: Instance | None,
    operation_id: str,
    actor: str,
    now: datetime,
    identity: str | None = None,
) -> InstanceEvent | Fault:
    """Return the event with which ``actor`` cancels the operation, or the fault that refuses it.

    A due operation can't be cancelled, because the provider may already be executing it.
    """
    pending = _pending(instance, operation_id)
    if instance is None or pending is None:
        return _finished(operation_id, "is no longer pending")
    if now >= pending.due_at:
        return _finished(operation_id, "is due and can no longer be cancelled")
    return InstanceEvent(
        type=EventType.CANCELLED,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=instance.state,
        actor=actor,
        identity=identity,
        timestamp=now,
        since=instance.timestamp,
    )


def retain(event: InstanceEvent, now: datetime) -> InstanceEvent:
    """Return an event that repeats the state after ``event``, so that it outlives ``event``'s retention."""
    return InstanceEvent(
        type=EventType.RETAINED,
        instance_id=event.instance_id,
        operation_id=event.operation_id,
        command=event.command,
        state=event.state,
        actor=event.actor,
        identity=event.identity,
        timestamp=now,
        since=event.since or event.timestamp,
    )


def lose(instance: Instance, operation_id: str, now: datetime) -> InstanceEvent:
    """Return the event that removes an instance whose stored state is lost."""
    return InstanceEvent(
        type=EventType.REMOVED,
        instance_id=instance.id,
        operation_id=operation_id,
        command=Command.REMOVE,
        state=instance.state,
        actor=SYSTEM,
        timestamp=now,
        reason="its last event was dropped from the stream",
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
        return _invalid(f"instance {instance.id} already exists")
    spec = COMMANDS[order.command]
    if instance.state in spec.needs:
        return None
    already = "already " if instance.state is spec.leaves else ""
    return _invalid(f"instance {instance.id} is {already}{instance.state.value}")


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
