"""Models of the cloud service: instances, events, operations, and its requests and replies."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.audit import Address
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.identity import OPERATOR_IDENTITY, Identity
from opsroom_contracts.serialization.model import (
    ClientId,
    Epoch,
    Identifier,
    Model,
    Sequence,
    Timestamp,
    copy_fields,
)
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract

LIST_MAX = 1000
"""The maximum number of instances on one page of the list."""

Actor = Annotated[str, Field(min_length=1, max_length=64)]
"""The name of the caller."""
ANONYMOUS = "anonymous"
PendingMax = Annotated[int, Field(ge=1)]
"""The caller's quota of pending operations; one more is refused with ``rate_limited``."""
KEY_PREFIX = "key/"
"""Prefix of a ``clientId`` that a client of ``/api/v1`` chose. Two identities may choose the same."""


class PendingOperation(Model):
    """An accepted command that is not complete yet."""

    id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class Instance(Model):
    """An instance. ``timestamp`` is when its state last changed; while being created it is ``stopped``."""

    id: Identifier
    state: InstanceState
    timestamp: Timestamp
    pending: PendingOperation | None = None


Reason = Annotated[str, Field(max_length=500)]
"""Why an operation failed."""


class FailureCode(StrEnum):
    """Why an operation failed, for clients that show it in their user's language."""

    PROVIDER_ERROR = "provider_error"
    """The provider's own reason, which only the text gives."""
    PROVIDER_TIMEOUT = "provider_timeout"
    PROVIDER_INTERNAL = "provider_internal"
    SIMULATED = "simulated"
    """A failure that the simulated provider was configured to have."""


class _EventFields(Model):
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


class InstanceEvent(_EventFields):
    """An event on ``cloud.events.<instance>``. ``state`` is the state after the event.

    ``actor`` is the caller's name as it was shown. ``identity``: who it was; missing in events of older
    releases and in those published by hand. ``since``: when the state began; omitted if it began with this
    event. ``due_at`` is set for ``received``, ``reason`` and ``reason_code`` for ``failed``; older releases
    stored no code.
    """

    version: Literal[2] = 2
    identity: Identity | None = None
    reason_code: FailureCode | None = None

    def stored(self) -> Model:
        """Return what to store: if possible, what processes of older releases can read, too."""
        is_new = self.identity is not None or self.reason_code is not None
        return self if is_new else copy_fields(self, InstanceEventV1)


class InstanceEventV1(_EventFields):
    """An event of releases without identities and failure codes, or published by hand."""

    version: Literal[1] = 1


class DueOperation(Model):
    """A timer's message on ``cloud.due.<instance>``: the operation is due."""

    version: Literal[1] = 1
    instance_id: Identifier
    operation_id: Identifier


class OperationRecord(Model):
    """The record on ``cloud.operations.<id>``: the command that used the operation id.

    The id is derived from the identity and the idempotency key of the caller; in older releases and in NATS
    requests without an identity, from the key alone.
    """

    version: Literal[1] = 1
    instance_id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class OperationStatus(StrEnum):
    """The status of an operation."""

    PENDING = "pending"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Operation(Model):
    """An accepted command and its status. ``reason``: why it failed, if it did."""

    id: Identifier
    command: Command
    instance_id: Identifier
    status: OperationStatus
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp
    reason: Reason | None = None


class CreateRequest(Model):
    """Create an instance. ``client_id`` is an idempotency key: a retry creates nothing new.

    ``identity``: who the request is for. It has its own keys and its own quota of pending operations.
    """

    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    address: Address | None = None
    pending_max: PendingMax | None = None


class InstanceRequest(Model):
    """A command for an existing instance; ``client_id`` and ``identity`` as for create."""

    instance_id: Identifier
    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    address: Address | None = None
    pending_max: PendingMax | None = None


class CancelRequest(Model):
    """Cancel a pending operation. A repeated request returns the same reply."""

    operation_id: Identifier
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    address: Address | None = None


def author_of(request: CreateRequest | InstanceRequest | CancelRequest) -> str:
    """Return the name to show for a request. One that was sent over NATS without a name is the operator's."""
    by_hand = request.identity is None and request.address is None
    return OPERATOR_IDENTITY if by_hand and request.actor == ANONYMOUS else request.actor


class OperationReply(Model):
    """The operation, and the sequence of the ``CLOUD`` event that shows its status."""

    operation: Operation
    seq: Sequence


class OperationRequest(Model):
    """Get the status of an operation."""

    operation_id: Identifier


class ListRequest(Model):
    """Get a page of instances, sorted by id, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_MAX)] = LIST_MAX


class ListReply(Model):
    """Instances as of ``seq``; ``next`` is the ``after`` of the next page, if there is one.

    ``epoch``: that of the sequence. Pages of different epochs don't belong together.
    """

    seq: Sequence
    epoch: Epoch | None = None
    instances: tuple[Instance, ...]
    next: Identifier | None = None


def _upgrade_event(old: InstanceEventV1) -> InstanceEvent:
    return copy_fields(old, InstanceEvent)


INSTANCE_EVENT = StoredContract(InstanceEvent, {1: PreviousVersion(InstanceEventV1, _upgrade_event)})
DUE_OPERATION = StoredContract(DueOperation)
OPERATION_RECORD = StoredContract(OperationRecord)


def apply(event: InstanceEvent) -> Instance | None:
    """Return the instance after ``event``, or None if it no longer exists.

    The last event of an instance determines its state; no earlier events are needed.
    """
    undone = event.command is Command.CREATE and event.type in {EventType.CANCELLED, EventType.FAILED}
    if undone or event.type is EventType.REMOVED:
        return None
    return Instance(
        id=event.instance_id,
        state=event.state,
        timestamp=event.since or event.timestamp,
        pending=pending_of(event) if event.type is EventType.RECEIVED else None,
    )


def pending_of(event: InstanceEvent) -> PendingOperation:
    """Return the operation that a ``received`` event started; without a due time it is due immediately."""
    return PendingOperation(
        id=event.operation_id,
        command=event.command,
        actor=event.actor,
        accepted_at=event.timestamp,
        due_at=event.due_at or event.timestamp,
    )
