"""What keeps the truth whole: overdue operations finished, states kept from expiring, damage repaired."""

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

_AT_A_TIME = 200
_TRANSIENT = (UnavailableError, OverloadedError, RejectedError)

log = logging.getLogger(__name__)


class Reconciler:
    """Sweeps over all instances now and then. Any number of processes may, at once: every write is guarded.

    ``interval`` seconds lie between sweeps. An operation overdue by more than ``grace`` is finished here:
    its due message was lost, has expired, or is with a worker that died. A state older than half of
    ``retention`` is stored anew, and an operation that claims to be pending for longer is finished then.
    """

    def __init__(
        self,
        events: EventStore,
        fold: InstanceProjection,
        completion: OperationRunner,
        *,
        clock: Callable[[], datetime],
        grace: timedelta,
        retention: timedelta,
    ) -> None:
        self._events = events
        self._fold = fold
        self._completion = completion
        self._clock = clock
        self._grace = grace
        self._renew_after = retention / 2

    async def run(self, follower: StreamSubscription, interval: float) -> None:
        """Sweep for ever, whenever the fold is up to date."""
        while True:
            await asyncio.sleep(interval)
            if follower.live:
                await self.sweep()

    async def sweep(self) -> None:
        """Look after everything once."""
        now = self._clock()
        try:
            await self._finish_overdue(now - self._grace)
            for instance_id in self._fold.pop_corrupt():
                await self._repair(instance_id)
            for instance_id in self._fold.stored_before(now - self._renew_after):
                await self._renew(instance_id)
        except _TRANSIENT as error:
            log.warning("upkeep goes on with the next sweep: %s", describe(error))

    async def _finish_overdue(self, moment: datetime) -> None:
        ending = (
            (deadline_of(pending, stored_at, self._renew_after), instance_id, pending.id)
            for instance_id, pending, stored_at in self._fold.pending()
        )
        overdue = sorted(one for one in ending if one[0] < moment)
        for start in range(0, len(overdue), _AT_A_TIME):
            group = overdue[start : start + _AT_A_TIME]
            async with asyncio.TaskGroup() as tasks:
                for _, instance_id, operation_id in group:
                    tasks.create_task(self._finish(instance_id, operation_id))

    async def _finish(self, instance_id: str, operation_id: str) -> None:
        try:
            await self._completion.finish(instance_id, operation_id)
        except _TRANSIENT as error:
            log.warning("operation %s stays overdue until the next sweep: %s", operation_id, describe(error))

    async def _repair(self, instance_id: str) -> None:
        """Say the state of an instance anew whose last message is no event."""
        with suppress(NewerReleaseError):
            known = await self._events.refresh(instance_id)
            if known.instance is not None and known.instance.pending is None:
                await self._renew(instance_id)

    async def _renew(self, instance_id: str) -> None:
        """Store the last state of an instance anew; a pending operation's own end will do that."""
        try:
            known = await self._events.refresh(instance_id)
            event = await self._events.last_event(instance_id)
        except NewerReleaseError:
            return  # whoever wrote it looks after it
        if event is None or known.instance is None or known.instance.pending is not None:
            return
        try:
            await self._events.append(retain(event, self._clock()), expected=known.seq)
        except ConflictError:
            return  # somebody wrote meanwhile: the state is as new as can be
