"""Operations of providers behind agents: asked again until they are done, have failed, or take too long."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from opsroom_cloud.domain.outcomes import Failure, complete, fail, pending_on, work
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.projection import TrackedInstance
from opsroom_cloud.operations.deadlines import CommandDeadlines
from opsroom_cloud.operations.verdicts import Done, after_deadline, is_news, of_fault, of_reply
from opsroom_cloud.providers.agents import AgentClient, reference_of
from opsroom_contracts.agents.protocol import ApplyRequest, ObserveReply
from opsroom_contracts.cloud.models import Instance, InstanceEvent, PendingOperation, Progress
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import describe
from opsroom_messaging.errors import ConflictError, OverloadedError, RejectedError, UnavailableError
from opsroom_runtime.metrics import LATENESS_SECONDS, Histogram, Metrics
from opsroom_runtime.process import cancel_and_wait

_FIRST_WAIT_SECONDS, _POLL_SECONDS, _MAX_WAIT_SECONDS = 0.1, 1.0, 5.0
_MIN_WAIT_SECONDS = 0.02
"""Pause before a request that a change causes: changes may come in numbers."""
_REPORT_SECONDS = 0.9
"""Progress is stored about once a second, however often it changes."""
_CONCURRENCY = 2_000
_ATTEMPTS = 5

log = logging.getLogger(__name__)


class AgentOperations:
    """Works on due operations of agents, each in one task of this process.

    Other processes may work on the same operation, for example after a crash: agents are idempotent, and all
    events have the last sequence of the instance as a guard.
    """

    def __init__(
        self,
        events: EventStore,
        agents: AgentClient,
        deadlines: CommandDeadlines,
        clock: Callable[[], datetime],
        late: Histogram,
    ) -> None:
        self._events = events
        self._agents = agents
        self._deadlines = deadlines
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self.late = late

    @property
    def working(self) -> int:
        """The number of operations in progress in this process."""
        return len(self._tasks)

    def start(self, instance_id: str, pending: PendingOperation) -> None:
        """Work on a due operation in the background, unless this process does already.

        If too many are in progress, it is left to the reconciler.
        """
        if pending.id in self._tasks or len(self._tasks) >= _CONCURRENCY:
            return
        self._wakes.setdefault(instance_id, asyncio.Event())
        self._tasks[pending.id] = asyncio.create_task(self._work_on(instance_id, pending))

    def wake(self, instance_id: str) -> None:
        """Ask the agent about the operation on an instance now: it has changed."""
        wake = self._wakes.get(instance_id)
        if wake is not None:
            wake.set()

    async def run(self) -> None:
        """Own the tasks until cancelled; then stop them. Other processes, or the next one, take over."""
        try:
            await asyncio.Event().wait()
        finally:
            await cancel_and_wait(list(self._tasks.values()))

    async def _work_on(self, instance_id: str, pending: PendingOperation) -> None:
        deadline = pending.due_at + self._deadlines.of(pending.command)
        try:
            await self._until_ended(instance_id, pending.id, deadline)
        except (UnavailableError, OverloadedError, RejectedError) as error:
            log.info("operation %s is left to the reconciler: %s", pending.id, describe(error))
        except Exception:  # the boundary: the reconciler starts it again
            log.exception("working on operation %s failed", pending.id)
        finally:
            self._tasks.pop(pending.id, None)
            self._wakes.pop(instance_id, None)

    async def _until_ended(self, instance_id: str, operation_id: str, deadline: datetime) -> None:
        """Begin the work, and ask the agent until the operation has ended."""
        known = await self._begin(instance_id, operation_id)
        wait, stored, reported_at = _FIRST_WAIT_SECONDS, Progress(), float("-inf")
        while known is not None and known.instance is not None:
            if self._clock() >= deadline:
                await self._end(known, operation_id, await self._look(known.instance, operation_id))
                return
            try:
                verdict = await self._ask(known.instance, operation_id)
            except UnavailableError as error:
                log.info("operation %s: %s", operation_id, describe(error))
                wait = min(max(wait, _POLL_SECONDS) * 2, _MAX_WAIT_SECONDS)
            else:
                if not isinstance(verdict, Progress):
                    await self._end(known, operation_id, verdict)
                    return
                wait = min(wait * 2, _POLL_SECONDS)
                now = asyncio.get_running_loop().time()
                if is_news(stored, verdict) and now - reported_at >= _REPORT_SECONDS:
                    stored, reported_at, wait = verdict, now, _POLL_SECONDS
                    known = await self._report(known, operation_id, verdict)
            await self._pause(instance_id, min(wait, max(0.0, (deadline - self._clock()).total_seconds())))

    async def _pause(self, instance_id: str, seconds: float) -> None:
        wake = self._wakes.setdefault(instance_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
                await asyncio.sleep(_MIN_WAIT_SECONDS)
        except TimeoutError:
            pass
        wake.clear()

    async def _begin(self, instance_id: str, operation_id: str) -> TrackedInstance | None:
        """Store that the work begins, so that it can't be cancelled; None if the operation has ended.

        The stream decides: an operation that was cancelled a moment ago must not reach the agent.
        """
        known = await self._events.refresh(instance_id)
        pending = pending_on(known.instance, operation_id)
        if pending is None or pending.progress is not None:
            return None if pending is None else known
        return await self._report(known, operation_id, Progress())

    async def _report(
        self, known: TrackedInstance, operation_id: str, progress: Progress
    ) -> TrackedInstance | None:
        """Store how far the provider is; return the instance after it, or None if the operation has ended."""

        def event_after(now: TrackedInstance) -> InstanceEvent | None:
            return work(now.instance, operation_id, progress, self._clock(), now.identity)

        return await self._append(known, event_after)

    async def _ask(self, instance: Instance, operation_id: str) -> Done | Failure | Progress:
        pending = pending_on(instance, operation_id)
        if pending is None:
            raise UnavailableError("the operation is no longer pending")
        request = ApplyRequest(
            operation_id=operation_id,
            command=pending.command,
            server=reference_of(instance),
            start=pending.start or False,
        )
        try:
            reply = await self._agents.apply(instance.provider, request)
        except FaultError as error:
            return of_fault(pending.command, error.fault)
        if reply.observed is not None and reply.observed.id != instance.id:
            raise UnavailableError(f"the agent replied about {reply.observed.id}, another server")
        return of_reply(pending.command, reply)

    async def _look(self, instance: Instance, operation_id: str) -> Done | Failure:
        """Return the outcome at the deadline: what the provider shows, as far as it can be observed."""
        pending = pending_on(instance, operation_id)
        try:
            seen = await self._agents.observe(instance.provider, (reference_of(instance),))
        except (FaultError, UnavailableError):
            seen = ObserveReply()
        return after_deadline(instance, pending, seen)

    async def _end(self, known: TrackedInstance, operation_id: str, outcome: Done | Failure) -> None:
        def event_after(now: TrackedInstance) -> InstanceEvent | None:
            if isinstance(outcome, Failure):
                return fail(now.instance, operation_id, outcome, self._clock(), now.identity)
            return complete(now.instance, operation_id, self._clock(), now.identity, outcome.observed)

        pending = pending_on(known.instance, operation_id)
        ended = await self._append(known, event_after)
        if ended is not None and pending is not None:
            late = (self._clock() - pending.due_at).total_seconds()
            result = "failed" if isinstance(outcome, Failure) else "done"
            self.late.observe(max(0.0, late), pending.command.value, result)

    async def _append(
        self, known: TrackedInstance, event_after: Callable[[TrackedInstance], InstanceEvent | None]
    ) -> TrackedInstance | None:
        """Store the event after ``known``, or after what has been stored meanwhile; None if there is none."""
        for _ in range(_ATTEMPTS):
            event = event_after(known)
            if event is None:
                return None
            try:
                await self._events.append(event, expected=known.seq)
            except ConflictError:
                known = await self._events.refresh(event.instance_id)
            else:
                return self._events.known(event.instance_id)
        raise UnavailableError("too many concurrent writes to the instance")


def lateness(metrics: Metrics) -> Histogram:
    """Register the histogram of the time between the due time of an operation and its final event."""
    return metrics.histogram(
        "operation_late_seconds",
        "Delay between the due time of an operation and its final event, in seconds.",
        ("command", "outcome"),
        LATENESS_SECONDS,
    )
