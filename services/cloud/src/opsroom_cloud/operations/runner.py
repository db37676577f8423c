"""Completion of due operations: exactly one final event each, however often and wherever it is triggered."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from opsroom_cloud.domain.approvals import expire
from opsroom_cloud.domain.lifecycle import deadline_of
from opsroom_cloud.domain.operation_status import operation_of, record_of
from opsroom_cloud.domain.outcomes import Failure, complete, fail, pending_on
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.projection import NewerReleaseError, TrackedInstance
from opsroom_cloud.operations.agent_operations import AgentOperations
from opsroom_cloud.operations.deadlines import Deadlines
from opsroom_cloud.providers.provider import Provider, ProviderError
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.instances import SIMULATED, FailureCode
from opsroom_contracts.cloud.models import DUE_OPERATION, OperationStatus, PendingOperation
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.metrics import Counter

_EARLY_MAX_SECONDS = 10.0
"""A due message that is earlier than this is ignored: it is not from the timer, whose message will follow."""
_ATTEMPTS = 5
_FINISHED_MAX = 50_000
"""Maximum number of finished operations to remember."""

log = logging.getLogger(__name__)


class OperationRunner:
    """Runs the provider for due operations and stores the outcome; those of agents are handed over.

    ``agents``: completes the operations of all providers but the simulated one. ``decided``: counts what has
    become of operations that awaited approval.
    """

    def __init__(
        self,
        events: EventStore,
        provider: Provider,
        agents: AgentOperations,
        deadlines: Deadlines,
        *,
        clock: Callable[[], datetime],
        decided: Counter,
    ) -> None:
        self._events = events
        self._decided = decided
        self._provider = provider
        self._agents = agents
        self._clock = clock
        self._provider_timeout = deadlines.provider_timeout
        self._longest = deadlines.longest
        self._locks: dict[str, asyncio.Lock] = {}
        self._finished: dict[str, None] = {}
        self._late = agents.late
        self.malformed = 0

    async def on_due(self, message: StreamMessage) -> None:
        """Handle the due message of a timer.

        Raises:
            UnavailableError: the broker did not respond, or a newer release sent the message; it must be
                redelivered.
        """
        try:
            due = DUE_OPERATION.read(message.data)
        except NewerVersionError as error:
            raise NewerReleaseError(f"{message.subject}: {error}") from error
        except ContractError as error:
            self.malformed += 1
            log.warning("dropped a malformed due message on %s: %s", message.subject, error)
            return
        await self.finish(due.instance_id, due.operation_id)

    async def finish(self, instance_id: str, operation_id: str) -> None:
        """Complete the operation. Does nothing if it is no longer pending; waits for a concurrent call.

        Raises:
            UnavailableError: the broker did not respond; the caller must retry.
            OverloadedError: too many writes are queued; the caller must retry.
            RejectedError: the broker rejected the final event.
        """
        lock = self._locks.setdefault(operation_id, asyncio.Lock())
        try:
            async with lock:
                await self._finish(instance_id, operation_id)
        finally:
            self._locks.pop(operation_id, None)

    async def _finish(self, instance_id: str, operation_id: str) -> None:
        known = self._events.known(instance_id)
        pending = pending_on(known.instance, operation_id)
        if pending is None and operation_id in self._finished:
            return
        if pending is None:  # the projection may lag behind other processes: read the stream
            known = await self._events.refresh(instance_id)
            pending = pending_on(known.instance, operation_id)
        if pending is not None:
            if not await self._wait_until_due(pending, known):
                return
            if pending.approval is not None:
                await self._expire(instance_id, pending, known)
            elif known.instance is not None and known.instance.provider != SIMULATED:
                self._agents.start(instance_id, pending)
            else:
                await self._complete(instance_id, pending, known)
        self._remember(operation_id)

    def _remember(self, operation_id: str) -> None:
        """Remember a finished operation, so that the second of its two timers costs no read."""
        self._finished[operation_id] = None
        if len(self._finished) > _FINISHED_MAX:
            del self._finished[next(iter(self._finished))]

    async def _wait_until_due(self, pending: PendingOperation, known: TrackedInstance) -> bool:
        """Wait until the deadline; return False if it is further away than a timer can be off."""
        stored_at = known.accepted_at or await self._accepted_at(pending) or known.at
        left = (deadline_of(pending, stored_at, self._longest) - self._clock()).total_seconds()
        if left > _EARLY_MAX_SECONDS:
            log.warning("operation %s is not due for another %.0f s", pending.id, left)
            return False
        if left > 0:
            await asyncio.sleep(left)
        return True

    async def _accepted_at(self, pending: PendingOperation) -> datetime | None:
        """Return when the broker stored the acceptance of an operation; None if that has expired."""
        recorded = await self._events.recorded(pending.id)
        return None if recorded is None else await self._events.stored_at(recorded.accepted_seq)

    async def _complete(self, instance_id: str, pending: PendingOperation, known: TrackedInstance) -> None:
        failure = await self._run_provider(instance_id, pending)
        for _ in range(_ATTEMPTS):
            now = self._clock()
            if failure is None:
                event = complete(known.instance, pending.id, now, known.identity)
            else:
                event = fail(known.instance, pending.id, failure, now, known.identity)
            if event is None:
                return
            try:
                await self._events.append(event, expected=known.seq)
            except ConflictError:
                known = await self._events.refresh(instance_id)
            else:
                late = (self._clock() - pending.due_at).total_seconds()
                self._late.observe(max(0.0, late), pending.command.value, event.type.value)
                return
        raise UnavailableError(f"too many concurrent writes to instance {instance_id}")

    async def _expire(self, instance_id: str, pending: PendingOperation, known: TrackedInstance) -> None:
        """End the wait of an operation; do nothing if somebody has decided about it meanwhile."""
        for _ in range(_ATTEMPTS):
            event = expire(known.instance, pending.id, self._clock())
            if event is None:
                return
            try:
                await self._events.append(event, expected=known.seq)
            except ConflictError:
                known = await self._events.refresh(instance_id)
            else:
                self._decided.add(EventType.EXPIRED.value)
                return
        raise UnavailableError(f"too many concurrent writes to instance {instance_id}")

    async def _run_provider(self, instance_id: str, pending: PendingOperation) -> Failure | None:
        record = record_of(instance_id, pending)
        operation = operation_of(pending.id, record, OperationStatus.PENDING)
        try:
            async with asyncio.timeout(self._provider_timeout):
                await self._provider.complete(operation)
        except TimeoutError:
            reason = f"the provider did not finish within {self._provider_timeout:g} s"
            return Failure(FailureCode.PROVIDER_TIMEOUT, reason)
        except ProviderError as error:
            return Failure(error.code, str(error))
        except Exception:  # a bug in the provider must not leave the operation pending
            log.exception("the provider raised an exception for operation %s", pending.id)
            return Failure(FailureCode.PROVIDER_INTERNAL, "the provider failed with an internal error")
        return None
