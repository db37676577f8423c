"""Models of the cloud service: instances, stored events and operations."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from opsroom_contracts.cloud.approvals import Approval
from opsroom_contracts.cloud.commands import AWAITING, CREATING, UNDONE, Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import (
    SIMULATED,
    Condition,
    FailureCode,
    InstanceFacts,
    Labels,
    NetworkAddress,
    ProviderName,
    Reason,
    Resource,
    ServerName,
    TemplateName,
    default_name,
)
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import (
    Identifier,
    Model,
    Timestamp,
    copy_fields,
)
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract

Actor = Annotated[str, Field(min_length=1, max_length=64)]
"""The name of the caller."""


class Progress(Model):
    """How far the provider is: a text in English, and a share of the work in percent; either if known."""

    text: Annotated[str, Field(max_length=200)] | None = None
    percent: Annotated[int, Field(ge=0, le=100)] | None = None


class _PendingFields(Model):
    id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp
    start: bool | None = None
    progress: Progress | None = None


class PendingOperation(_PendingFields):
    """An accepted command that is not complete yet.

    ``start``: whether a server that is created shall be started, too. ``progress``: there from the moment at
    which the provider works on it. ``approval``: there while it waits for one; it expires at ``due_at``.
    """

    approval: Approval | None = None


class Instance(Model):
    """An instance. ``timestamp`` is when its state last changed; while being created it is ``stopped``.

    ``reason`` and ``reason_code``: why the condition is not ``ok``. ``resource``: the provider's own id, if
    it was adopted.
    """

    id: Identifier
    name: ServerName
    state: InstanceState
    timestamp: Timestamp
    labels: Labels = Field(default_factory=dict)
    provider: ProviderName = SIMULATED
    template: TemplateName | None = None
    resource: Resource | None = None
    address: NetworkAddress | None = None
    protected: bool = False
    condition: Condition = Condition.OK
    reason: Reason | None = None
    reason_code: FailureCode | None = None
    pending: PendingOperation | None = None


OUTSIDE = frozenset({EventType.OBSERVED, EventType.LOST, EventType.ADOPTED, EventType.RETAINED})
"""The events that no command need have caused."""


class _OldEventFields(Model):
    version: int
    type: EventType
    instance_id: Identifier
    operation_id: Identifier
    command: Command
    state: InstanceState
    actor: Actor
    timestamp: Timestamp
    due_at: Timestamp | None = None
    reason: Reason | None = None
    since: Timestamp | None = None


class _EventFields(InstanceFacts):
    version: int
    type: EventType
    instance_id: Identifier
    operation_id: Identifier | None = None
    command: Command | None = None
    state: InstanceState
    actor: Actor
    timestamp: Timestamp
    due_at: Timestamp | None = None
    reason: Reason | None = None
    since: Timestamp | None = None
    identity: Identity | None = None
    reason_code: FailureCode | None = None
    start: bool | None = None
    pending_identity: Identity | None = None

    @model_validator(mode="after")
    def _check_operation(self) -> Self:
        if self.type not in OUTSIDE and (self.operation_id is None or self.command is None):
            raise ValueError("operationId and command are required, except for what happened outside")
        return self


class InstanceEvent(_EventFields):
    """An event on ``cloud.events.<instance>``. ``state`` and the facts are those after the event.

    ``actor`` is the caller's name as it was shown. ``identity``: who it was; missing in events of older
    releases and in those published by hand. ``since``: when the state began; omitted if it began with this
    event. ``due_at`` is set for ``received`` and, as the end of the wait, for ``requested``. ``reason`` and
    ``reason_code`` are set for ``failed``; older releases stored no code. ``reason`` is also why somebody
    approved alone, or denied. ``operation_id`` and ``command`` are missing if no command caused the event.
    ``start``: as in the pending operation, for ``received``. ``pending``: the operation that goes on being
    pending after an event that is neither its beginning nor its end; ``pending_identity``: who it is for, if
    known.
    """

    version: Literal[4] = 4
    pending: PendingOperation | None = None

    def stored(self) -> Model:
        """Return what to store: if possible, what processes of older releases can read, too."""
        pending = self.pending
        if self.type in _FOURTH or (pending is not None and pending.approval is not None):
            return self
        new = (*InstanceFacts.model_fields, "start", "pending", "pending_identity")
        needs_more = any(getattr(self, name) is not None for name in new)
        if needs_more or self.operation_id is None or self.command is None:
            before = None if pending is None else copy_fields(pending, PendingOperationV3)
            return copy_fields(self, InstanceEventV3, pending=before)
        has_author = self.identity is not None or self.reason_code is not None
        return copy_fields(self, InstanceEventV2 if has_author else InstanceEventV1)


_FOURTH = AWAITING | {EventType.DENIED, EventType.EXPIRED}
"""The types of events that came with the fourth version."""


class PendingOperationV3(_PendingFields):
    """A pending operation of releases without approvals."""


class InstanceEventV3(_EventFields):
    """An event of releases without approvals."""

    version: Literal[3] = 3
    pending: PendingOperationV3 | None = None


class InstanceEventV2(_OldEventFields):
    """An event of releases without names, labels and providers."""

    version: Literal[2] = 2
    identity: Identity | None = None
    reason_code: FailureCode | None = None


class InstanceEventV1(_OldEventFields):
    """An event of releases without identities and failure codes, or published by hand."""

    version: Literal[1] = 1


class DueOperation(Model):
    """A timer's message on ``cloud.due.<instance>``: the operation is due."""

    version: Literal[1] = 1
    instance_id: Identifier
    operation_id: Identifier


class _RecordFields(Model):
    version: int
    instance_id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class OperationRecord(_RecordFields):
    """The record on ``cloud.operations.<id>``: the command that used the operation id.

    The id is derived from the identity and the idempotency key of the caller; in older releases and in NATS
    requests without an identity, from the key alone. ``target``: what the request named, if that was not the
    id of the instance. ``event_offset``: how many messages before the record the event lies that accepted it.
    """

    version: Literal[2] = 2
    target: Annotated[str, Field(max_length=64)] | None = None
    event_offset: Annotated[int, Field(ge=1, le=8)] = 2

    def stored(self) -> Model:
        """Return what to store: if possible, what processes of older releases can read, too."""
        return (
            self
            if self.target is not None or self.event_offset != 2
            else copy_fields(self, OperationRecordV1)
        )


class OperationRecordV1(_RecordFields):
    """A record of releases without names of instances."""

    version: Literal[1] = 1


class ServerNameClaim(Model):
    """A message on ``cloud.server-names.<name>``: an instance has just been given the name.

    It lasts until all processes know that from the events, and so keeps two of them from giving one name to
    two instances at once.
    """

    version: Literal[1] = 1
    instance_id: Identifier


class OperationStatus(StrEnum):
    """The status of an operation."""

    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody approved or denied it in time."""


UNFINISHED = frozenset({OperationStatus.AWAITING_APPROVAL, OperationStatus.PENDING})


class Operation(Model):
    """An accepted command and its status. ``reason``: why it failed or was denied, if one was given.

    ``due_at``: while it awaits approval, when the wait ends. ``approval``: what it waits for, or waited for;
    missing if it needed none.
    """

    id: Identifier
    command: Command
    instance_id: Identifier
    status: OperationStatus
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp
    reason: Reason | None = None
    approval: Approval | None = None


def _upgrade_event_v1(old: InstanceEventV1) -> InstanceEventV2:
    return copy_fields(old, InstanceEventV2)


def _upgrade_event_v2(old: InstanceEventV2) -> InstanceEventV3:
    return copy_fields(old, InstanceEventV3)


def _upgrade_event_v3(old: InstanceEventV3) -> InstanceEvent:
    pending = None if old.pending is None else copy_fields(old.pending, PendingOperation)
    return copy_fields(old, InstanceEvent, pending=pending)


def _upgrade_record(old: OperationRecordV1) -> OperationRecord:
    return copy_fields(old, OperationRecord)


INSTANCE_EVENT = StoredContract(
    InstanceEvent,
    {
        1: PreviousVersion(InstanceEventV1, _upgrade_event_v1),
        2: PreviousVersion(InstanceEventV2, _upgrade_event_v2),
        3: PreviousVersion(InstanceEventV3, _upgrade_event_v3),
    },
)
DUE_OPERATION = StoredContract(DueOperation)
OPERATION_RECORD = StoredContract(OperationRecord, {1: PreviousVersion(OperationRecordV1, _upgrade_record)})
SERVER_NAME_CLAIM = StoredContract(ServerNameClaim)


def apply(event: InstanceEvent) -> Instance | None:
    """Return the instance after ``event``, or None if it no longer exists.

    The last event of an instance determines its state; no earlier events are needed.
    """
    undone = event.command in CREATING and event.type in UNDONE
    if undone or event.type is EventType.REMOVED:
        return None
    condition, reason, code = _condition_after(event)
    return Instance(
        id=event.instance_id,
        name=event.name or default_name(event.instance_id),
        state=event.state,
        timestamp=event.since or event.timestamp,
        labels=event.labels or {},
        provider=event.provider or SIMULATED,
        template=event.template,
        resource=event.resource,
        address=event.address,
        protected=event.protected or False,
        condition=condition,
        reason=reason,
        reason_code=code,
        pending=pending_of(event) if event.type is EventType.RECEIVED else event.pending,
    )


def _condition_after(event: InstanceEvent) -> tuple[Condition, str | None, FailureCode | None]:
    """Return the condition, and why. Of a failure, the event's own reason is the reason."""
    if event.condition is Condition.OK:
        return Condition.OK, None, None
    if event.condition is not None:
        return event.condition, event.condition_reason, event.condition_code
    if event.type is EventType.FAILED:
        return Condition.FAILED, event.reason, event.reason_code
    return Condition.OK, None, None


def pending_of(event: InstanceEvent) -> PendingOperation:
    """Return the operation that a ``received`` event started; without a due time it is due immediately.

    Raises:
        ValueError: the event names no operation or no command, which a ``received`` event does.
    """
    if event.operation_id is None or event.command is None:
        raise ValueError(f"a {event.type.value} event without an operation")
    return PendingOperation(
        id=event.operation_id,
        command=event.command,
        actor=event.actor,
        accepted_at=event.timestamp,
        due_at=event.due_at or event.timestamp,
        start=event.start,
    )


def facts_of(instance: Instance) -> InstanceFacts:
    """Return what an event repeats about ``instance``; defaults are left out.

    So the events of an instance that uses nothing new have the shape that older releases read.
    """
    return InstanceFacts(
        name=None if instance.name == default_name(instance.id) else instance.name,
        labels=instance.labels or None,
        provider=None if instance.provider == SIMULATED else instance.provider,
        template=instance.template,
        resource=instance.resource,
        address=instance.address,
        protected=instance.protected or None,
        condition=None if instance.condition is Condition.OK else instance.condition,
        condition_reason=instance.reason,
        condition_code=instance.reason_code,
    )
