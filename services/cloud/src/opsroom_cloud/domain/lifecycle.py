"""Rules of an instance's life cycle: which commands are valid in which state, and the event that accepts one.

An instance is a projection of its events (:func:`opsroom_contracts.cloud.models.apply`) for which the last
event is enough. Every event therefore carries the complete state after it, and all that is known about the
instance. An event that ends an operation without effect carries the previous state and since when it holds.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from opsroom_cloud.domain.orders import AcceptCommand, NewServer
from opsroom_contracts.cloud.commands import COMMANDS, CREATING, IMMEDIATE, Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import SIMULATED, Condition, default_name, merge_labels
from opsroom_contracts.cloud.models import Instance, InstanceEvent, PendingOperation, facts_of
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.model import copy_fields

_REFUSED_IF_PROTECTED = frozenset({Command.STOP, Command.RESTART, Command.REMOVE})


def deadline_of(pending: PendingOperation, stored_at: datetime, longest: timedelta) -> datetime:
    """Return when an operation must complete if the broker stored its acceptance at ``stored_at``.

    This is its due time, but at least its whole delay after it was stored: the command was created slightly
    earlier, and clocks differ. At most ``longest`` after it was stored: an event published by hand can have
    any due time, but events expire.
    """
    waits = max(pending.due_at - stored_at, pending.due_at - pending.accepted_at)
    return stored_at + min(waits, longest)


def decide(
    instance: Instance | None, order: AcceptCommand, pending_identity: str | None = None
) -> InstanceEvent | Fault:
    """Return the event that accepts ``order``, or the fault that refuses it.

    It is ``received`` for a command with a delay, and the only event of one without. ``pending_identity``:
    who the operation is for that is pending meanwhile.
    """
    refusal = _refusal(instance, order)
    if refusal is not None:
        return refusal
    if instance is None:
        return _begin(order, order.server or NewServer())
    if order.is_immediate:
        return _change(instance, order, pending_identity)
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
        type=EventType.RECEIVED,
        instance_id=instance.id,
        operation_id=order.operation_id,
        command=order.command,
        state=instance.state,
        actor=order.actor,
        identity=order.identity,
        timestamp=order.accepted_at,
        due_at=order.due_at,
        since=instance.timestamp,
    )


def _begin(order: AcceptCommand, server: NewServer) -> InstanceEvent:
    """Return the event that begins an instance; while it is created, it is stopped."""
    return InstanceEvent(
        type=EventType.RECEIVED,
        instance_id=order.instance_id,
        operation_id=order.operation_id,
        command=order.command,
        state=InstanceState.STOPPED,
        actor=order.actor,
        identity=order.identity,
        timestamp=order.accepted_at,
        due_at=order.due_at,
        start=server.start or None,
        name=None if server.name == default_name(order.instance_id) else server.name,
        labels=dict(sorted(server.labels.items())) or None,
        provider=None if server.provider == SIMULATED else server.provider,
        template=server.template,
        resource=server.resource,
        protected=server.protected or None,
    )


def _change(instance: Instance, order: AcceptCommand, pending_identity: str | None) -> InstanceEvent:
    """Return the event of a command without a delay. An operation that is pending goes on."""
    changes: dict[str, object] = {}
    match order.command:
        case Command.PROTECT | Command.UNPROTECT:
            changes["protected"] = order.command is Command.PROTECT
        case Command.RENAME:
            changes["name"] = order.name
        case _:
            changes["labels"] = merge_labels(instance.labels, order.labels)
    return copy_fields(
        facts_of(instance.model_copy(update=changes)),
        InstanceEvent,
        type=IMMEDIATE[order.command],
        instance_id=instance.id,
        operation_id=order.operation_id,
        command=order.command,
        state=instance.state,
        actor=order.actor,
        identity=order.identity,
        timestamp=order.accepted_at,
        since=instance.timestamp,
        pending=instance.pending,
        pending_identity=None if instance.pending is None else pending_identity,
    )


def _refusal(instance: Instance | None, order: AcceptCommand) -> Fault | None:
    if instance is None:
        if order.is_creating:
            return None
        return Fault(
            code=ErrorCode.INSTANCE_NOT_FOUND,
            message=f"there is no instance {order.target or order.instance_id}",
            field="instanceId",
        )
    if order.is_immediate:
        return _label_refusal(instance, order)
    pending = instance.pending
    if pending is not None:
        how = "is pending" if pending.approval is None else "awaits approval"
        return Fault(
            code=ErrorCode.OPERATION_PENDING,
            message=f"{pending.command.value} {how} on instance {instance.id} (operation {pending.id})",
            operation_id=pending.id,
        )
    return _creation_refusal(instance, order.command) or state_refusal(instance, order.command)


def state_refusal(instance: Instance, command: Command) -> Fault | None:
    """Return the fault if ``command`` is not valid in the instance's state, whatever is pending on it."""
    if command in CREATING:
        return None
    rules: tuple[Callable[[Instance, Command], Fault | None], ...] = (
        _protection_refusal,
        _condition_refusal,
        _transition_refusal,
    )
    return next((fault for rule in rules if (fault := rule(instance, command))), None)


def _label_refusal(instance: Instance, order: AcceptCommand) -> Fault | None:
    try:
        merge_labels(instance.labels, order.labels)
    except ValueError as error:
        message = f"labels: instance {instance.id} would have {error}"
        return Fault(code=ErrorCode.INVALID_REQUEST, message=message, field="labels")
    return None


def _creation_refusal(instance: Instance, command: Command) -> Fault | None:
    if command is Command.ADOPT:
        return _invalid(f"{instance.resource} is instance {instance.id} ({instance.name}) already")
    return _invalid(f"instance {instance.id} already exists") if command in CREATING else None


def _protection_refusal(instance: Instance, command: Command) -> Fault | None:
    if not instance.protected or command not in _REFUSED_IF_PROTECTED:
        return None
    message = f"instance {instance.id} ({instance.name}) is protected; unprotect it first"
    return Fault(code=ErrorCode.PROTECTED, message=message)


def _condition_refusal(instance: Instance, command: Command) -> Fault | None:
    if instance.condition is not Condition.LOST or command is Command.REMOVE:
        return None
    return _invalid(f"the provider no longer has instance {instance.id}; it can only be removed")


def _transition_refusal(instance: Instance, command: Command) -> Fault | None:
    """Refuse what the simulated provider can't do.

    The state of any other may be older than the last change outside, so its provider decides.
    """
    spec = COMMANDS[command]
    if instance.provider != SIMULATED or instance.state in spec.needs:
        return None
    already = "already " if instance.state is spec.leaves else ""
    return _invalid(f"instance {instance.id} is {already}{instance.state.value}")


def _invalid(message: str) -> Fault:
    return Fault(code=ErrorCode.TRANSITION_INVALID, message=message)
