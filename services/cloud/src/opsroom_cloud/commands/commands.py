"""Handlers that accept commands, with deduplication across retries and processes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from opsroom_cloud.commands.orders import Ordered, OrderMaker
from opsroom_cloud.commands.pending_quota import PendingQuota
from opsroom_cloud.domain.approvals import request
from opsroom_cloud.domain.lifecycle import decide
from opsroom_cloud.domain.operation_status import (
    Progress,
    begun_by,
    operation_of,
    record_of,
    record_of_event,
    status_of_pending,
)
from opsroom_cloud.domain.orders import AcceptCommand
from opsroom_cloud.domain.policy import Policy
from opsroom_cloud.instances.event_store import EventStore, Guards
from opsroom_cloud.instances.names import ServerNames
from opsroom_cloud.instances.projection import TrackedInstance
from opsroom_cloud.operations.operations import Operations
from opsroom_cloud.operations.timers import Timers
from opsroom_cloud.providers.directory import ProviderDirectory
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.instances import merge_labels
from opsroom_contracts.cloud.models import InstanceEvent, OperationStatus
from opsroom_contracts.cloud.requests import (
    AdoptRequest,
    CreateRequest,
    InstanceRequest,
    LabelRequest,
    OperationReply,
    RenameRequest,
)
from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.identity import Role
from opsroom_messaging.errors import ConflictError

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class CommandRules:
    """What else decides about a command: the names, the providers, the quota, and what must be approved."""

    names: ServerNames
    providers: ProviderDirectory
    quota: PendingQuota
    policy: Policy = field(default_factory=Policy)


class Commands:
    """Handlers of ``cloud.create``, ``cloud.adopt``, and of every command for an instance."""

    def __init__(
        self,
        events: EventStore,
        operations: Operations,
        timers: Timers,
        orders: OrderMaker,
        rules: CommandRules,
    ) -> None:
        self._events = events
        self._operations = operations
        self._timers = timers
        self._orders = orders
        self._rules = rules
        self._in_flight: set[str] = set()

    async def create(self, request: CreateRequest) -> OperationReply:
        """Accept the creation of an instance; its id is derived from the operation's id."""
        return await self._deduplicated(await self._orders.create(request), request.client_id)

    async def adopt(self, request: AdoptRequest) -> OperationReply:
        """Accept the adoption of a server; the instance's id is derived from the provider's id of it."""
        return await self._deduplicated(await self._orders.adopt(request), request.client_id)

    async def change(self, command: Command, request: InstanceRequest) -> OperationReply:
        """Accept ``command`` for an existing instance."""
        return await self._deduplicated(await self._orders.change(command, request), request.client_id)

    async def rename(self, request: RenameRequest) -> OperationReply:
        """Give an instance another name, at once."""
        return await self._deduplicated(await self._orders.rename(request), request.client_id)

    async def label(self, request: LabelRequest) -> OperationReply:
        """Change labels of an instance, at once."""
        return await self._deduplicated(await self._orders.label(request), request.client_id)

    async def _deduplicated(self, ordered: Ordered, client_id: str | None) -> OperationReply:
        if client_id is None:
            return await self._accept(ordered, self._no_previous)
        operation_id = ordered.order.operation_id
        if operation_id in self._in_flight:
            raise refuse(
                ErrorCode.IDEMPOTENCY_IN_FLIGHT,
                "the same request is in progress; try again",
                operation_id=operation_id,
            )
        self._in_flight.add(operation_id)
        try:
            return await self._accept(ordered, self._previous)
        finally:
            self._in_flight.discard(operation_id)

    async def _accept(
        self, ordered: Ordered, find_previous: Callable[[AcceptCommand], Awaitable[OperationReply | None]]
    ) -> OperationReply:
        """Decide on the projection, and rely on optimistic locking to detect that it was stale.

        The broker is read only after a conflict, or before a refusal. The instance is read before the record:
        a record that is missing afterwards can't be the reason of the refusal.
        """
        order = ordered.order
        known = self._events.known(order.instance_id)
        repeated = _retry_of_pending(order, known)
        if repeated is not None:
            return repeated
        claim: int | Fault = 0
        certain = False
        for _ in range(_ATTEMPTS):
            verdict = self._decide(ordered, known)
            if isinstance(verdict, InstanceEvent) and not isinstance(claim, Fault):
                try:
                    return await self._store(order, verdict, Guards(known.seq, claim))
                except ConflictError:
                    pass
                except FaultError:
                    if certain:
                        raise
            elif certain:
                raise FaultError(verdict if isinstance(verdict, Fault) else _fault_in(claim))
            known = await self._events.refresh(order.instance_id)
            certain = True
            reply = await find_previous(order)
            if reply is not None:
                return reply
            if order.name is not None:
                claim = await self._rules.names.claim_for(order.name, order.instance_id)
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this instance; try again")

    def _decide(self, ordered: Ordered, known: TrackedInstance) -> InstanceEvent | Fault:
        """Return the event that accepts the command, or the fault that refuses it."""
        order = ordered.order
        if ordered.refusal is not None:
            return ordered.refusal
        verdict = decide(known.instance, order, known.identity)
        if isinstance(verdict, Fault):
            return verdict
        taken = None if order.name is None else self._rules.names.refusal(order.name, order.instance_id)
        if taken is not None:
            return taken
        if verdict.type is not EventType.RECEIVED:
            return self._label_refusal(order, known) or verdict
        away = None if verdict.provider is None else self._rules.providers.refusal(verdict.provider)
        return away or self._awaiting(order, verdict)

    def _awaiting(self, order: AcceptCommand, verdict: InstanceEvent) -> InstanceEvent | Fault:
        """Return the event that asks for approval, if the command needs one, instead of ``verdict``."""
        requirement = self._rules.policy.requirement(order.command, verdict.labels or {})
        if requirement is None:
            return verdict
        if not order.may_await:
            message = f"{order.command.value} must be approved here; send it by the page, /api/v1 or NATS"
            return Fault(code=ErrorCode.APPROVAL_REQUIRED, message=message)
        return request(verdict, order, requirement)

    def _label_refusal(self, order: AcceptCommand, known: TrackedInstance) -> Fault | None:
        """Refuse to take an instance out of the policy, except to admins."""
        if order.command is not Command.LABEL or known.instance is None or order.role is Role.ADMIN:
            return None
        before = known.instance.labels
        rule = self._rules.policy.loosened(before, merge_labels(before, order.labels))
        if rule is None:
            return None
        message = (
            f"only an admin may change these labels: approvals depend on them (policy, line {rule.line})"
        )
        return Fault(code=ErrorCode.FORBIDDEN, message=message, field="labels")

    async def _store(self, order: AcceptCommand, event: InstanceEvent, guards: Guards) -> OperationReply:
        begun = begun_by(event)
        if begun is None:
            seq = await self._events.accept(event, order, guards=guards)
            return _reply(order, event, seq, Progress(OperationStatus.DONE, seq))
        with self._rules.quota.reserve(order):
            seq = await self._events.accept(event, order, guards=guards)
        if begun.approval is None:
            self._timers.start(order.instance_id, begun)
        return _reply(order, event, seq, status_of_pending(begun))

    async def _previous(self, order: AcceptCommand) -> OperationReply | None:
        """Return the reply to an earlier request with the same client id; None if there is none."""
        recorded = await self._events.recorded(order.operation_id)
        if recorded is None:
            return None
        record = recorded.record
        named = order.target or order.instance_id
        if record.command is not order.command or named not in {record.target, record.instance_id}:
            raise refuse(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                f"this id was used before to {record.command.value} instance {record.instance_id}",
                operation_id=order.operation_id,
            )
        return await self._operations.reply(order.operation_id, recorded)

    async def _no_previous(self, order: AcceptCommand) -> None:
        """Return None: a request without a client id is never a retry."""


def _retry_of_pending(order: AcceptCommand, known: TrackedInstance) -> OperationReply | None:
    """Return the reply to a retry of the operation that is pending, as far as the projection knows.

    A retry must be cheaper than its first request; otherwise timeouts amplify overload.
    """
    pending = None if known.instance is None else known.instance.pending
    if pending is None or (pending.id, pending.command) != (order.operation_id, order.command):
        return None
    record = record_of(order.instance_id, pending)
    operation = operation_of(pending.id, record, status_of_pending(pending))
    return OperationReply(operation=operation, seq=known.seq)


def _reply(order: AcceptCommand, event: InstanceEvent, seq: int, found: Progress) -> OperationReply:
    operation = operation_of(order.operation_id, record_of_event(event, order.target), found)
    return OperationReply(operation=operation, seq=seq)


def _fault_in(claim: int | Fault) -> Fault:
    if isinstance(claim, Fault):
        return claim
    raise AssertionError("a command that is neither accepted nor refused")
