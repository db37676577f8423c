"""The events that follow the acceptance of an operation, and those that only repeat or drop a state."""

from dataclasses import dataclass
from datetime import datetime

from opsroom_contracts.agents.protocol import Observation
from opsroom_contracts.cloud.commands import COMMANDS, DONE, Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode, InstanceFacts
from opsroom_contracts.cloud.models import (
    Instance,
    InstanceEvent,
    PendingOperation,
    Progress,
    apply,
    facts_of,
)
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.model import copy_fields
from opsroom_contracts.text import clip

REASON_MAX = 500
"""The maximum length of a provider's reason in an event, in characters; longer reasons are clipped."""
SYSTEM = "opsroom"
"""The actor of events that nobody asked for."""
_CONDITIONS: dict[FailureCode, Condition] = {
    FailureCode.OUTCOME_UNKNOWN: Condition.UNKNOWN,
    FailureCode.VANISHED: Condition.LOST,
}
"""The condition after failures that leave another one than ``failed``."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed; ``reason`` is a sentence in English.

    ``observed``: the instance after it, if the provider knows; otherwise it keeps its state.
    """

    code: FailureCode
    reason: str
    observed: Observation | None = None


def complete(
    instance: Instance | None,
    operation_id: str,
    now: datetime,
    identity: str | None = None,
    observed: Observation | None = None,
) -> InstanceEvent | None:
    """Return the event that completes the operation of ``identity``; None if it is not pending.

    ``observed``: the instance after it as its provider sees it; without, it is as the command leaves it.
    """
    pending = _begun_on(instance, operation_id)
    if instance is None or pending is None:
        return None
    facts = _observed_facts(instance, observed)
    return copy_fields(
        facts,
        InstanceEvent,
        type=DONE[pending.command],
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=_state_after(instance, pending) if observed is None else observed.state,
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
    """Return the event that fails the operation; None if it is not pending.

    The instance keeps its previous state, unless the provider has observed another one.
    """
    pending = _begun_on(instance, operation_id)
    if instance is None or pending is None:
        return None
    seen = failure.observed
    state = instance.state if seen is None else seen.state
    reason, condition = clip(failure.reason, REASON_MAX), _CONDITIONS.get(failure.code)
    changes: dict[str, object] = {
        "condition": condition or Condition.OK,  # without one, the failure itself is the condition
        "reason": None if condition is None else reason,
        "reason_code": None if condition is None else failure.code,
        "address": instance.address if seen is None else seen.address,
    }
    return copy_fields(
        facts_of(instance.model_copy(update=changes)),
        InstanceEvent,
        type=EventType.FAILED,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=state,
        actor=pending.actor,
        identity=identity,
        timestamp=now,
        reason=reason,
        reason_code=failure.code,
        since=instance.timestamp if state is instance.state else None,
    )


def work(
    instance: Instance | None,
    operation_id: str,
    progress: Progress,
    now: datetime,
    identity: str | None = None,
) -> InstanceEvent | None:
    """Return the event that says how far the provider is; None if the operation is not pending.

    The first one begins the work: from then on, the operation can't be cancelled.
    """
    pending = _begun_on(instance, operation_id)
    if instance is None or pending is None:
        return None
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
        type=EventType.WORKING,
        instance_id=instance.id,
        operation_id=operation_id,
        command=pending.command,
        state=instance.state,
        actor=pending.actor,
        identity=identity,
        timestamp=now,
        since=instance.timestamp,
        pending=pending.model_copy(update={"progress": progress}),
        pending_identity=identity,
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
    pending = pending_on(instance, operation_id)
    if instance is None or pending is None:
        return _finished(operation_id, "is no longer pending")
    if now >= pending.due_at or pending.progress is not None:
        how = "is due and" if pending.approval is None else "was not approved in time, and"
        return _finished(operation_id, f"{how} can no longer be cancelled")
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
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
    instance = apply(event)
    return copy_fields(
        InstanceFacts() if instance is None else facts_of(instance),
        InstanceEvent,
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


def forget(instance: Instance, operation_id: str, now: datetime) -> InstanceEvent:
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


def pending_on(instance: Instance | None, operation_id: str) -> PendingOperation | None:
    """Return the operation if it is pending on ``instance``."""
    pending = None if instance is None else instance.pending
    return pending if pending is not None and pending.id == operation_id else None


def _begun_on(instance: Instance | None, operation_id: str) -> PendingOperation | None:
    """Return the operation if it is pending and awaits no approval: nothing else may take effect."""
    pending = pending_on(instance, operation_id)
    return None if pending is None or pending.approval is not None else pending


def _state_after(instance: Instance, pending: PendingOperation) -> InstanceState:
    if pending.start:
        return InstanceState.RUNNING
    spec = COMMANDS.get(pending.command)
    return instance.state if spec is None or spec.leaves is None else spec.leaves


def _observed_facts(instance: Instance, observed: Observation | None) -> InstanceFacts:
    """Return the facts after a success: the condition is that of the provider, or ``ok``."""
    changes: dict[str, object] = {
        "condition": Condition.OK if observed is None else observed.condition,
        "reason": None if observed is None else observed.reason,
        "reason_code": None,
    }
    if observed is not None:
        changes["address"] = observed.address
        if instance.resource is not None and observed.resource is not None:
            changes["resource"] = observed.resource
    return facts_of(instance.model_copy(update=changes))


def _finished(operation_id: str, why: str) -> Fault:
    return Fault(
        code=ErrorCode.OPERATION_FINISHED,
        message=f"operation {operation_id} {why}",
        operation_id=operation_id,
    )
