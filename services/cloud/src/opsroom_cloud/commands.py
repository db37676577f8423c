"""Handlers that accept commands, with deduplication across retries and processes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from opsroom_cloud.domain.ids import instance_id_of, operation_id_of
from opsroom_cloud.domain.lifecycle import AcceptCommand, decide
from opsroom_cloud.domain.operation_status import operation_of, record_of
from opsroom_cloud.event_store import EventStore
from opsroom_cloud.operations import Operations
from opsroom_cloud.pending_quota import PendingQuota
from opsroom_cloud.timers import Timers
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import InstanceEvent, OperationStatus, PendingOperation, pending_of
from opsroom_contracts.cloud.requests import (
    KEY_PREFIX,
    CreateRequest,
    InstanceRequest,
    OperationReply,
    author_of,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_messaging.errors import ConflictError

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """How commands are accepted: the clock, the delay until a command is due, and the quota."""

    clock: Callable[[], datetime]
    delay: timedelta
    quota: PendingQuota


class Commands:
    """Handlers of ``cloud.create`` and of every command of :data:`CHANGE_INSTANCE`."""

    def __init__(
        self, events: EventStore, operations: Operations, timers: Timers, policy: CommandPolicy
    ) -> None:
        self._events = events
        self._operations = operations
        self._timers = timers
        self._policy = policy
        self._in_flight: set[str] = set()

    async def create(self, request: CreateRequest) -> OperationReply:
        """Accept the creation of an instance; its id is derived from the operation's id."""
        operation_id = await self._operation_id(request)
        order = self._order(Command.CREATE, instance_id_of(operation_id), operation_id, request)
        return await self._deduplicated(order, request.client_id)

    async def change(self, command: Command, request: InstanceRequest) -> OperationReply:
        """Accept ``command`` for an existing instance."""
        operation_id = await self._operation_id(request)
        order = self._order(command, request.instance_id, operation_id, request)
        return await self._deduplicated(order, request.client_id)

    def _order(
        self,
        command: Command,
        instance_id: str,
        operation_id: str,
        request: CreateRequest | InstanceRequest,
    ) -> AcceptCommand:
        now = self._policy.clock()
        return AcceptCommand(
            command=command,
            instance_id=instance_id,
            operation_id=operation_id,
            actor=author_of(request),
            accepted_at=now,
            due_at=now + self._policy.delay,
            identity=request.identity,
            pending_max=request.pending_max,
        )

    async def _operation_id(self, request: CreateRequest | InstanceRequest) -> str:
        """Return the operation id for the request's key, so that a retry gets the same one.

        An older release derived it from the key alone: the id of such an operation of the same actor stays.
        """
        key, identity = request.client_id, request.identity
        if key is None:
            return uuid4().hex
        if identity is not None and key.startswith(KEY_PREFIX):  # other keys are random, and so never shared
            earlier = await self._events.recorded(operation_id_of(key))
            if earlier is None or earlier.record.actor != request.actor:
                return operation_id_of(key, identity)
        return operation_id_of(key)

    async def _deduplicated(self, order: AcceptCommand, client_id: str | None) -> OperationReply:
        if client_id is None:
            return await self._accept(order, self._no_previous)
        if order.operation_id in self._in_flight:
            raise refuse(
                ErrorCode.IDEMPOTENCY_IN_FLIGHT,
                "the same request is in progress; try again",
                operation_id=order.operation_id,
            )
        self._in_flight.add(order.operation_id)
        try:
            return await self._accept(order, self._previous)
        finally:
            self._in_flight.discard(order.operation_id)

    async def _accept(
        self, order: AcceptCommand, find_previous: Callable[[AcceptCommand], Awaitable[OperationReply | None]]
    ) -> OperationReply:
        """Decide on the projection, and rely on optimistic locking to detect that it was stale.

        The broker is read only after a conflict, or before a refusal. The instance is read before the record:
        a record that is missing afterwards can't be the reason of the refusal.
        """
        known = self._events.known(order.instance_id)
        pending = None if known.instance is None else known.instance.pending
        if pending is not None and (pending.id, pending.command) == (order.operation_id, order.command):
            # A retry must be cheaper than its first request; otherwise timeouts amplify overload.
            return _reply(order.instance_id, pending, known.seq)
        certain = False
        for _ in range(_ATTEMPTS):
            verdict = decide(known.instance, order)
            if isinstance(verdict, InstanceEvent):
                try:
                    return await self._store(order, verdict, known.seq)
                except ConflictError:
                    pass
                except FaultError:
                    if certain:
                        raise
            elif certain:
                raise FaultError(verdict)
            known = await self._events.refresh(order.instance_id)
            certain = True
            reply = await find_previous(order)
            if reply is not None:
                return reply
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this instance; try again")

    async def _store(self, order: AcceptCommand, received: InstanceEvent, expected: int) -> OperationReply:
        with self._policy.quota.reserve(order):
            seq = await self._events.accept(received, expected=expected)
        pending = pending_of(received)
        self._timers.start(order.instance_id, pending)
        return _reply(order.instance_id, pending, seq)

    async def _previous(self, order: AcceptCommand) -> OperationReply | None:
        """Return the reply to an earlier request with the same client id; None if there is none."""
        recorded = await self._events.recorded(order.operation_id)
        if recorded is None:
            return None
        record = recorded.record
        if (record.command, record.instance_id) != (order.command, order.instance_id):
            raise refuse(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                f"this id was used before to {record.command.value} instance {record.instance_id}",
                operation_id=order.operation_id,
            )
        return await self._operations.reply(order.operation_id, recorded)

    async def _no_previous(self, order: AcceptCommand) -> None:
        """Return None: a request without a client id is never a retry."""


def _reply(instance_id: str, pending: PendingOperation, seq: int) -> OperationReply:
    record = record_of(instance_id, pending)
    return OperationReply(operation=operation_of(pending.id, record, OperationStatus.PENDING), seq=seq)
