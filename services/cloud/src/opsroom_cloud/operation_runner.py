"""Finishing operations whose time has come: once each, whoever is told and however often."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_cloud.domain.lifecycle import complete, deadline_of, fail
from opsroom_cloud.domain.operation_status import operation_of, record_of
from opsroom_cloud.event_store import EventStore
from opsroom_cloud.instance_projection import NewerReleaseError, TrackedInstance
from opsroom_cloud.provider import Provider, ProviderError
from opsroom_contracts.cloud import DUE_OPERATION, OperationStatus, PendingOperation
from opsroom_contracts.codec import ContractError
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.metrics import LATENESS_SECONDS, Metrics

_EARLY_MAX_SECONDS = 10.0
"""A due message that comes earlier than this was not sent by the timer; the timer's own will follow."""
_TRIES = 5
_REMEMBERED = 50_000
"""Operations known to have ended."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """``provider_timeout``: seconds the provider has; ``longest``: nothing stays pending beyond it."""

    provider_timeout: float
    longest: timedelta


class OperationRunner:
    """Has the provider do the work of due operations, and stores what came of it."""

    def __init__(
        self,
        events: EventStore,
        provider: Provider,
        deadlines: Deadlines,
        *,
        clock: Callable[[], datetime],
        metrics: Metrics | None = None,
    ) -> None:
        self._events = events
        self._provider = provider
        self._clock = clock
        self._provider_timeout = deadlines.provider_timeout
        self._longest = deadlines.longest
        self._in_hand: dict[str, asyncio.Lock] = {}
        self._finished: dict[str, None] = {}
        self._late = (metrics or Metrics()).histogram(
            "operation_late_seconds",
            "How long after its time the final event of an operation was stored.",
            ("command", "outcome"),
            LATENESS_SECONDS,
        )
        self.malformed = 0

    async def on_due(self, message: StreamMessage) -> None:
        """A timer fired.

        Raises:
            UnavailableError: the broker did not answer, or a newer release sent it; it must come again.
        """
        try:
            due = DUE_OPERATION.read(message.data)
        except NewerVersionError as error:
            raise NewerReleaseError(f"{message.subject}: {error}") from error
        except ContractError as error:
            self.malformed += 1
            log.warning("dropped what is no due operation on %s: %s", message.subject, error)
            return
        await self.finish(due.instance_id, due.operation_id)

    async def finish(self, instance_id: str, operation_id: str) -> None:
        """Finish the operation, unless it is no longer pending; wait where it is in hand here already.

        Raises:
            UnavailableError: the broker did not answer; it has to be tried again.
            OverloadedError: too many writes wait; it has to be tried again.
            RejectedError: the broker will not take the final event.
        """
        lock = self._in_hand.setdefault(operation_id, asyncio.Lock())
        try:
            async with lock:
                await self._finish(instance_id, operation_id)
        finally:
            self._in_hand.pop(operation_id, None)

    async def _finish(self, instance_id: str, operation_id: str) -> None:
        known = self._events.known(instance_id)
        pending = _pending(known, operation_id)
        if pending is None and operation_id in self._finished:
            return
        if pending is None:  # memory may lag behind another process: ask before letting it go
            known = await self._events.refresh(instance_id)
            pending = _pending(known, operation_id)
        if pending is not None:
            if not await self._is_time(pending, known):
                return
            await self._work(instance_id, pending, known)
        self._remember(operation_id)

    def _remember(self, operation_id: str) -> None:
        """The second of the two timers comes in a moment and must cost nothing."""
        self._finished[operation_id] = None
        if len(self._finished) > _REMEMBERED:
            del self._finished[next(iter(self._finished))]

    async def _is_time(self, pending: PendingOperation, known: TrackedInstance) -> bool:
        """Wait for what is left of the delay; False where that is more than a timer could be wrong by."""
        left = (deadline_of(pending, known.at, self._longest) - self._clock()).total_seconds()
        if left > _EARLY_MAX_SECONDS:
            log.warning("operation %s is not due for another %.0f s", pending.id, left)
            return False
        if left > 0:
            await asyncio.sleep(left)
        return True

    async def _work(self, instance_id: str, pending: PendingOperation, known: TrackedInstance) -> None:
        reason = await self._reason_of_failure(instance_id, pending)
        for _ in range(_TRIES):
            now = self._clock()
            if reason is None:
                event = complete(known.instance, pending.id, now)
            else:
                event = fail(known.instance, pending.id, reason, now)
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
        raise UnavailableError(f"too many others write on instance {instance_id}")

    async def _reason_of_failure(self, instance_id: str, pending: PendingOperation) -> str | None:
        record = record_of(instance_id, pending)
        operation = operation_of(pending.id, record, OperationStatus.PENDING)
        try:
            async with asyncio.timeout(self._provider_timeout):
                await self._provider.complete(operation)
        except TimeoutError:
            return f"the provider did not finish within {self._provider_timeout:g} s"
        except ProviderError as error:
            return str(error)
        except Exception:  # the boundary: a provider's own fault must not leave the operation pending
            log.exception("the provider broke on operation %s", pending.id)
            return "the provider broke"
        return None


def _pending(known: TrackedInstance, operation_id: str) -> PendingOperation | None:
    pending = None if known.instance is None else known.instance.pending
    return pending if pending is not None and pending.id == operation_id else None
