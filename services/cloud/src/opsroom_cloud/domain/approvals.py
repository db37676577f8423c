"""The events of an approval: requested, approved, denied and expired, and what refuses one.

While an operation waits, its instance has it as pending, with an :class:`Approval`. The last approval stores
``received`` for it in the same write, so that the ordinary life cycle begins: the delay in which anybody can
cancel, and one final event.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_cloud.domain.lifecycle import state_refusal
from opsroom_cloud.domain.orders import AcceptCommand
from opsroom_cloud.domain.outcomes import SYSTEM
from opsroom_cloud.domain.policy import Requirement
from opsroom_contracts.cloud.approvals import Approval, mark_of
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import Instance, InstanceEvent, PendingOperation, facts_of, pending_of
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.identity import Identity, Role
from opsroom_contracts.serialization.model import copy_fields


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who decides. ``identities``: all that stand for one person, such as a bot's and its owner's.

    ``actor``: the name to show. ``role``: None if it is unknown.
    """

    actor: str
    identity: Identity | None
    identities: frozenset[Identity]
    role: Role | None

    def marks(self, operation_id: str) -> frozenset[str]:
        """Return the marks of the identities in one operation."""
        return frozenset(mark_of(operation_id, one) for one in self.identities)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided, and how long an approved command can still be cancelled."""

    now: datetime
    delay: timedelta


def request(received: InstanceEvent, order: AcceptCommand, requirement: Requirement) -> InstanceEvent:
    """Return the event that asks for the approval of a command, instead of ``received``, which accepts it."""
    approval = Approval(
        need=requirement.need,
        role=requirement.role,
        authors=tuple(sorted(mark_of(order.operation_id, one) for one in order.authors)),
    )
    expires_at = order.accepted_at + requirement.expires
    pending = pending_of(received).model_copy(update={"due_at": expires_at, "approval": approval})
    return received.model_copy(
        update={
            "type": EventType.REQUESTED,
            "due_at": expires_at,
            "start": None,
            "pending": pending,
            "pending_identity": order.identity,
        }
    )


def approve(
    instance: Instance | None,
    operation_id: str,
    voter: Voter,
    at: Moment,
    author: Identity | None,
    alone: str | None = None,
) -> tuple[InstanceEvent, ...] | Fault:
    """Return the events of an approval, or the fault that refuses it. ``author``: the command's identity.

    The last one that is needed comes with ``received``. ``alone``: why an admin needs no others; this is the
    only way in which an author can approve.
    """
    found = _waiting(instance, operation_id, at.now)
    if isinstance(found, Fault):
        return found
    waiting, pending, approval = found
    refusal = _role_refusal(voter, Role.ADMIN if alone is not None else approval.role, operation_id)
    if refusal is None and alone is None:
        refusal = _person_refusal(voter, approval, operation_id)
    if refusal is None:
        # What has changed since the request may make the command invalid.
        refusal = state_refusal(waiting, pending.command)
    if refusal is not None:
        return refusal
    approved = approval.model_copy(
        update={
            "approved_by": (*approval.approved_by, voter.actor),
            "voters": (*approval.voters, *sorted(voter.marks(operation_id))),
        }
    )
    going_on = pending.model_copy(update={"approval": approved})
    vote = _event(waiting, going_on, EventType.APPROVED, voter, at.now, author)
    vote = vote.model_copy(update={"reason": alone})
    if alone is None and len(approved.approved_by) < approval.need:
        return (vote,)
    return (vote, _received(waiting, pending, at, author))


def deny(
    instance: Instance | None, operation_id: str, voter: Voter, reason: str | None, now: datetime
) -> InstanceEvent | Fault:
    """Return the event that denies an operation, or the fault that refuses it."""
    found = _waiting(instance, operation_id, now)
    if isinstance(found, Fault):
        return found
    waiting, pending, approval = found
    refusal = _role_refusal(voter, approval.role, operation_id)
    if refusal is None and voter.marks(operation_id) & set(approval.authors):
        refusal = _forbidden(operation_id, "its author can't deny it; cancel it instead")
    if refusal is not None:
        return refusal
    event = _event(waiting, pending, EventType.DENIED, voter, now, None)
    return event.model_copy(update={"reason": reason, "pending": None})


def expire(instance: Instance | None, operation_id: str, now: datetime) -> InstanceEvent | None:
    """Return the event that ends the wait; None if the operation does not wait any more."""
    pending = None if instance is None else instance.pending
    if instance is None or pending is None or pending.id != operation_id or pending.approval is None:
        return None
    by = Voter(SYSTEM, None, frozenset(), None)
    return _event(instance, pending, EventType.EXPIRED, by, now, None).model_copy(update={"pending": None})


def cancel_refusal(pending: PendingOperation, voter: Voter) -> Fault | None:
    """Return the fault if ``voter`` can't cancel an operation that waits: only its author can."""
    approval = pending.approval
    if approval is None or voter.marks(pending.id) & set(approval.authors):
        return None
    return _forbidden(pending.id, "while it awaits approval, only its author can cancel it; deny it instead")


def _waiting(
    instance: Instance | None, operation_id: str, now: datetime
) -> tuple[Instance, PendingOperation, Approval] | Fault:
    pending = None if instance is None else instance.pending
    if instance is None or pending is None or pending.id != operation_id or pending.approval is None:
        return _not_awaiting(operation_id, "does not await approval any more")
    if now >= pending.due_at:
        return _not_awaiting(operation_id, "was not approved in time")
    return instance, pending, pending.approval


def _role_refusal(voter: Voter, wanted: Role, operation_id: str) -> Fault | None:
    if voter.role is not None and voter.role.includes(wanted):
        return None
    held = "without a role" if voter.role is None else f"with the role {voter.role.value}"
    return _forbidden(operation_id, f"deciding takes the role {wanted.value}, and {voter.actor} is {held}")


def _person_refusal(voter: Voter, approval: Approval, operation_id: str) -> Fault | None:
    marks = voter.marks(operation_id)
    if not marks:
        return _forbidden(operation_id, "an approval takes an identity")
    if marks & set(approval.authors):
        return _forbidden(operation_id, "its author can't approve it")
    if marks & set(approval.voters):
        return _forbidden(operation_id, f"{voter.actor} has approved it already")
    return None


def _received(
    instance: Instance, pending: PendingOperation, at: Moment, author: Identity | None
) -> InstanceEvent:
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
        type=EventType.RECEIVED,
        instance_id=instance.id,
        operation_id=pending.id,
        command=pending.command,
        state=instance.state,
        actor=pending.actor,
        identity=author,
        timestamp=at.now,
        due_at=at.now + at.delay,
        since=instance.timestamp,
        start=pending.start,
    )


def _event(
    instance: Instance,
    pending: PendingOperation,
    type_: EventType,
    by: Voter,
    now: datetime,
    author: Identity | None,
) -> InstanceEvent:
    return copy_fields(
        facts_of(instance),
        InstanceEvent,
        type=type_,
        instance_id=instance.id,
        operation_id=pending.id,
        command=pending.command,
        state=instance.state,
        actor=by.actor,
        identity=by.identity,
        timestamp=now,
        since=instance.timestamp,
        pending=pending,
        pending_identity=author,
    )


def _not_awaiting(operation_id: str, why: str) -> Fault:
    message = f"operation {operation_id} {why}"
    return Fault(code=ErrorCode.NOT_AWAITING, message=message, operation_id=operation_id)


def _forbidden(operation_id: str, why: str) -> Fault:
    message = f"operation {operation_id}: {why}"
    return Fault(code=ErrorCode.FORBIDDEN, message=message, operation_id=operation_id)
