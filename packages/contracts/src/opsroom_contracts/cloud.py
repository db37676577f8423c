"""The cloud's own language: instances, commands, events, and the requests of the cloud service."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.audit import Address
from opsroom_contracts.commands import Command, EventType, InstanceState
from opsroom_contracts.model import ClientId, Identifier, Model, Sequence, Timestamp
from opsroom_contracts.versions import StoredContract

LIST_MAX = 1000
"""The most instances one page of the list holds."""

Actor = Annotated[str, Field(min_length=1, max_length=64)]
"""Who asked, in words."""
ANONYMOUS = "anonymous"
PendingMax = Annotated[int, Field(ge=1)]
"""So many operations of the actor may be pending at once; one more is refused (``rate_limited``)."""


class PendingOperation(Model):
    """An accepted command that is not done yet."""

    id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class Instance(Model):
    """A server. ``timestamp`` is when its state last changed; one being created is ``stopped``."""

    id: Identifier
    state: InstanceState
    timestamp: Timestamp
    pending: PendingOperation | None = None


class InstanceEvent(Model):
    """What ``cloud.events.<instance>`` holds. ``state`` is the state after the event.

    ``since`` is when that state began (left out: with this event); ``due_at`` goes with ``received``,
    ``reason`` with ``failed``.
    """

    version: Literal[1] = 1
    type: EventType
    instance_id: Identifier
    operation_id: Identifier
    command: Command
    state: InstanceState
    actor: Actor
    timestamp: Timestamp
    due_at: Timestamp | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None
    since: Timestamp | None = None


class DueOperation(Model):
    """What a timer delivers on ``cloud.due.<instance>``: this operation's time has come."""

    version: Literal[1] = 1
    instance_id: Identifier
    operation_id: Identifier


class OperationRecord(Model):
    """What ``cloud.operations.<id>`` holds: the one use that was made of an operation id."""

    version: Literal[1] = 1
    instance_id: Identifier
    command: Command
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class OperationStatus(StrEnum):
    """How far an operation is."""

    PENDING = "pending"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Operation(Model):
    """An accepted command and what became of it."""

    id: Identifier
    command: Command
    instance_id: Identifier
    status: OperationStatus
    actor: Actor
    accepted_at: Timestamp
    due_at: Timestamp


class CreateRequest(Model):
    """Create a server. The same ``client_id`` creates it once, however often it is sent."""

    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    address: Address | None = None
    pending_max: PendingMax | None = None


class InstanceRequest(Model):
    """Start, stop or remove a server; ``client_id`` as for create."""

    instance_id: Identifier
    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    address: Address | None = None
    pending_max: PendingMax | None = None


class CancelRequest(Model):
    """Cancel a pending operation. Cancelling it again answers the same."""

    operation_id: Identifier
    actor: Actor = ANONYMOUS
    address: Address | None = None


class OperationReply(Model):
    """The operation, and the sequence of ``CLOUD`` from which the events show it."""

    operation: Operation
    seq: Sequence


class OperationRequest(Model):
    """Ask how far an operation is."""

    operation_id: Identifier


class ListRequest(Model):
    """A page of the instances in the order of their ids, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_MAX)] = LIST_MAX


class ListReply(Model):
    """Instances as of ``seq``; ``next`` asks for the following page where there is one."""

    seq: Sequence
    instances: tuple[Instance, ...]
    next: Identifier | None = None


INSTANCE_EVENT = StoredContract(InstanceEvent)
DUE_OPERATION = StoredContract(DueOperation)
OPERATION_RECORD = StoredContract(OperationRecord)


def apply(event: InstanceEvent) -> Instance | None:
    """The instance after ``event``, or None where it no longer exists.

    The last event alone decides, so the state of all instances is the last event of each.
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
    """The operation that a ``received`` event began; one without a due time is due at once."""
    return PendingOperation(
        id=event.operation_id,
        command=event.command,
        actor=event.actor,
        accepted_at=event.timestamp,
        due_at=event.due_at or event.timestamp,
    )
