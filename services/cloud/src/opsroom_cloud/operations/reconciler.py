"""Periodic reconciliation: complete overdue operations, renew expiring states, repair corrupt subjects."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from opsroom_cloud.domain.lifecycle import deadline_of
from opsroom_cloud.domain.outcomes import retain
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.projection import InstanceProjection, NewerReleaseError
from opsroom_cloud.operations.runner import OperationRunner
from opsroom_messaging.errors import ConflictError, RejectedError
from opsroom_runtime.duties import Duty, attempt_all


class Reconciler:
    """Periodically checks all instances. Several processes can run it, because writes use optimistic locking.

    An operation overdue by more than ``grace`` is completed: its due message was lost, has expired, or is
    held by a worker that died. A state older than half of ``retention`` is stored again, and an operation
    that would be pending for longer is completed then.
    """

    def __init__(
        self,
        events: EventStore,
        projection: InstanceProjection,
        runner: OperationRunner,
        *,
        clock: Callable[[], datetime],
        grace: timedelta,
        retention: timedelta,
    ) -> None:
        self._events = events
        self._projection = projection
        self._runner = runner
        self._clock = clock
        self._grace = grace
        self._renew_after = retention / 2

    def duties(self, interval: float) -> tuple[Duty, ...]:
        """The periodic work, each part every ``interval`` seconds."""
        return (
            Duty("overdue operations", self.finish_overdue, interval),
            Duty("corrupt states", self.repair, interval),
            Duty("aging states", self.renew, interval),
        )

    async def finish_overdue(self) -> None:
        """Complete all operations that are overdue.

        Raises:
            TemporaryError: some could not be completed.
        """
        moment = self._clock() - self._grace
        ending = (
            (deadline_of(pending, stored_at, self._renew_after), instance_id, pending.id)
            for instance_id, pending, stored_at in self._projection.pending()
        )
        overdue = sorted(one for one in ending if one[0] < moment)
        finishing = [partial(self._runner.finish, instance, operation) for _, instance, operation in overdue]
        await attempt_all(finishing, expected=(RejectedError,))

    async def repair(self) -> None:
        """Store the states again whose last message is malformed.

        Raises:
            TemporaryError: some could not be stored.
        """
        repairs = [partial(self._repair, instance_id) for instance_id in self._projection.corrupt()]
        await attempt_all(repairs, expected=(RejectedError,))

    async def renew(self) -> None:
        """Store the states again that are older than half of the retention.

        Raises:
            TemporaryError: some could not be stored.
        """
        aging = self._projection.stored_before(self._clock() - self._renew_after)
        await attempt_all([partial(self._renew, one) for one in aging], expected=(RejectedError,))

    async def _repair(self, instance_id: str) -> None:
        try:
            known = await self._events.refresh(instance_id)
        except NewerReleaseError:
            return  # left to processes of the newer release
        if known.instance is not None and known.instance.pending is None:
            await self._renew(instance_id)
        self._projection.mark_repaired(instance_id)

    async def _renew(self, instance_id: str) -> None:
        """Store the last state of an instance again, unless a pending operation's final event will do so."""
        try:
            known = await self._events.refresh(instance_id)
            event = await self._events.last_event(instance_id)
        except NewerReleaseError:
            return  # left to processes of the newer release
        if event is None or known.instance is None or known.instance.pending is not None:
            return
        try:
            await self._events.append(retain(event, self._clock()), expected=known.seq)
        except ConflictError:
            return  # another process wrote a newer state
