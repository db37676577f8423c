"""Periodic reconciliation: complete overdue operations, renew expiring states, repair corrupt subjects."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from opsroom_cloud.domain.lifecycle import deadline_of, retain
from opsroom_cloud.event_store import EventStore
from opsroom_cloud.instance_projection import InstanceProjection, NewerReleaseError
from opsroom_cloud.operation_runner import OperationRunner
from opsroom_messaging.client.connection import describe
from opsroom_messaging.errors import ConflictError, OverloadedError, RejectedError, UnavailableError
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_BATCH_SIZE = 200
_TRANSIENT = (UnavailableError, OverloadedError, RejectedError)

log = logging.getLogger(__name__)


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

    async def run(self, subscription: StreamSubscription, interval: float) -> None:
        """Sweep every ``interval`` seconds until cancelled, while the projection is up to date."""
        while True:
            await asyncio.sleep(interval)
            if subscription.live:
                await self.sweep()

    async def sweep(self) -> None:
        """Check all instances once."""
        now = self._clock()
        try:
            await self._finish_overdue(now - self._grace)
            for instance_id in self._projection.pop_corrupt():
                await self._repair(instance_id)
            for instance_id in self._projection.stored_before(now - self._renew_after):
                await self._renew(instance_id)
        except _TRANSIENT as error:
            log.warning("reconciliation failed, retrying in the next sweep: %s", describe(error))

    async def _finish_overdue(self, moment: datetime) -> None:
        ending = (
            (deadline_of(pending, stored_at, self._renew_after), instance_id, pending.id)
            for instance_id, pending, stored_at in self._projection.pending()
        )
        overdue = sorted(one for one in ending if one[0] < moment)
        for start in range(0, len(overdue), _BATCH_SIZE):
            group = overdue[start : start + _BATCH_SIZE]
            async with asyncio.TaskGroup() as tasks:
                for _, instance_id, operation_id in group:
                    tasks.create_task(self._finish(instance_id, operation_id))

    async def _finish(self, instance_id: str, operation_id: str) -> None:
        try:
            await self._runner.finish(instance_id, operation_id)
        except _TRANSIENT as error:
            log.warning("operation %s stays overdue until the next sweep: %s", operation_id, describe(error))

    async def _repair(self, instance_id: str) -> None:
        """Store the state of an instance again if its last message is malformed."""
        with suppress(NewerReleaseError):
            known = await self._events.refresh(instance_id)
            if known.instance is not None and known.instance.pending is None:
                await self._renew(instance_id)

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
