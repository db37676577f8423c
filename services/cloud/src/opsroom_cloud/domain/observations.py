"""The events of what happened outside the portal: changed, lost, and unknown servers of this portal."""

from datetime import datetime

from opsroom_contracts.agents.protocol import Listed, Observation
from opsroom_contracts.cloud.commands import EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode, default_name
from opsroom_contracts.cloud.models import Instance, InstanceEvent, facts_of
from opsroom_contracts.serialization.model import copy_fields

OUTSIDE_ACTOR = "outside"
"""The actor of what happened outside the portal."""
_VANISHED = "the provider no longer has it"


def is_busy(instance: Instance) -> bool:
    """Whether the provider works on an operation, so that what is observed may be its effect."""
    return instance.pending is not None and instance.pending.progress is not None


def observe(
    instance: Instance, seen: Observation, now: datetime, pending_identity: str | None = None
) -> InstanceEvent | None:
    """Return the event that corrects what is known about ``instance``; None if it is as ``seen``.

    A failure of an operation stays the condition of an instance that the provider sees as before.
    """
    if is_busy(instance):
        return None
    condition, reason = _condition(instance, seen)
    same_condition = condition is instance.condition and reason == instance.reason
    if same_condition and (seen.state, seen.address) == (instance.state, instance.address):
        return None
    changes: dict[str, object] = {"address": seen.address, "condition": condition, "reason": reason}
    if not same_condition:
        changes["reason_code"] = None
    return _outside(
        instance.model_copy(update=changes), EventType.OBSERVED, seen.state, now, pending_identity
    )


def lose(instance: Instance, now: datetime, pending_identity: str | None = None) -> InstanceEvent | None:
    """Return the event of an instance that has disappeared; None if that is known, or is being caused."""
    if is_busy(instance) or instance.condition is Condition.LOST:
        return None
    changes: dict[str, object] = {
        "address": None,
        "condition": Condition.LOST,
        "reason": _VANISHED,
        "reason_code": FailureCode.VANISHED,
    }
    return _outside(
        instance.model_copy(update=changes), EventType.LOST, InstanceState.STOPPED, now, pending_identity
    )


def take_in(provider: str, found: Listed, name: str, now: datetime) -> InstanceEvent:
    """Return the event that begins an instance for a server of this portal that it doesn't know."""
    return InstanceEvent(
        type=EventType.ADOPTED,
        instance_id=found.id,
        state=found.state,
        actor=OUTSIDE_ACTOR,
        timestamp=now,
        name=None if name == default_name(found.id) else name,
        provider=provider,
        template=found.template,
        address=found.address,
        condition=None if found.condition is Condition.OK else found.condition,
        condition_reason=found.reason,
    )


def _condition(instance: Instance, seen: Observation) -> tuple[Condition, str | None]:
    failed_operation = instance.condition is Condition.FAILED and instance.reason_code is not None
    if failed_operation and seen.state is instance.state:
        return instance.condition, instance.reason
    return seen.condition, None if seen.condition is Condition.OK else seen.reason


def _outside(
    instance: Instance, type_: EventType, state: InstanceState, now: datetime, pending_identity: str | None
) -> InstanceEvent:
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
        type=type_,
        instance_id=instance.id,
        state=state,
        actor=OUTSIDE_ACTOR,
        timestamp=now,
        since=instance.timestamp if state is instance.state else None,
        pending=instance.pending,
        pending_identity=None if instance.pending is None else pending_identity,
    )
