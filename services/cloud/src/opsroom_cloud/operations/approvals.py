"""Handlers that decide about operations that await approval."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta

from opsroom_cloud.domain.approvals import Moment, approve, deny
from opsroom_cloud.domain.operation_status import StatusReader, begun_by
from opsroom_cloud.instances.event_store import EventStore, OperationRecordAt
from opsroom_cloud.instances.projection import TrackedInstance
from opsroom_cloud.operations.operations import Operations
from opsroom_cloud.operations.timers import Timers
from opsroom_cloud.operations.voters import voter_of
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.cloud.requests import (
    ApproveRequest,
    CancelRequest,
    DenyRequest,
    OperationReply,
    author_of,
)
from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_messaging.errors import ConflictError
from opsroom_runtime.metrics import Counter

_ATTEMPTS = 10
_ALONE = "approved_alone"


class Approvals:
    """Handlers of ``cloud.approve`` and ``cloud.deny``.

    Each decision has the last sequence of the instance as its guard: of several at once, one is stored, and
    the others are decided again on what it left. ``decided``: counts the decisions.
    """

    def __init__(
        self,
        events: EventStore,
        operations: Operations,
        timers: Timers,
        *,
        clock: Callable[[], datetime],
        delay: timedelta,
        decided: Counter,
    ) -> None:
        self._events = events
        self._operations = operations
        self._timers = timers
        self._clock = clock
        self._delay = delay
        self._decided = decided

    async def approve(self, request: ApproveRequest) -> OperationReply:
        """Approve an operation; the last approval that is needed lets its delay begin.

        Raises:
            FaultError: ``operation_not_found``, ``not_awaiting``, ``forbidden``; what refuses the command.
        """
        voter = voter_of(request)

        def decide(known: TrackedInstance) -> tuple[InstanceEvent, ...] | Fault:
            moment = Moment(self._clock(), self._delay)
            return approve(known.instance, request.operation_id, voter, moment, known.identity, request.alone)

        return await self._decide(request, EventType.APPROVED, decide)

    async def deny(self, request: DenyRequest) -> OperationReply:
        """Deny an operation, which ends it without effect.

        Raises:
            FaultError: ``operation_not_found``, ``not_awaiting``, ``forbidden``.
        """
        voter = voter_of(request)

        def decide(known: TrackedInstance) -> tuple[InstanceEvent, ...] | Fault:
            event = deny(known.instance, request.operation_id, voter, request.reason, self._clock())
            return event if isinstance(event, Fault) else (event,)

        return await self._decide(request, EventType.DENIED, decide)

    async def _decide(
        self,
        request: CancelRequest,
        kind: EventType,
        decide: Callable[[TrackedInstance], tuple[InstanceEvent, ...] | Fault],
    ) -> OperationReply:
        operation_id = request.operation_id
        recorded = await self._operations.recorded(operation_id)
        for _ in range(_ATTEMPTS):
            known = await self._events.refresh(recorded.record.instance_id)
            verdict = decide(known)
            if isinstance(verdict, Fault):
                if await self._has_decided(request, recorded, kind):  # a retry, whose reply was lost
                    return await self._operations.reply(operation_id, recorded)
                raise FaultError(verdict)
            try:
                await self._events.append_all(verdict, expected=known.seq)
            except ConflictError:
                continue
            self._note(verdict)
            return await self._operations.reply(operation_id, recorded)
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this instance; try again")

    async def _has_decided(
        self, request: CancelRequest, recorded: OperationRecordAt, kind: EventType
    ) -> bool:
        """Whether the identity of ``request`` has decided about the operation in this way before."""
        reader = StatusReader(request.operation_id)
        history = self._events.history(recorded.record.instance_id, recorded.accepted_seq)
        async with aclosing(history):
            async for item in history:
                event = item.event
                is_decision = event.type is kind and event.operation_id == request.operation_id
                same = (event.identity, event.actor if event.identity is None else "")
                if is_decision and same == (
                    request.identity,
                    author_of(request) if request.identity is None else "",
                ):
                    return True
                if not reader.read(item):
                    return False
        return False

    def _note(self, events: tuple[InstanceEvent, ...]) -> None:
        """Count a decision, and time the operation that begins with it."""
        first = events[0]
        alone = first.type is EventType.APPROVED and first.reason is not None
        self._decided.add(_ALONE if alone else first.type.value)
        for event in events:
            begun = begun_by(event)
            if begun is not None:
                self._timers.start(event.instance_id, begun)
