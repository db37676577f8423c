"""Retention of events: the service drops old ones, and never the last state of an instance.

The stream has no limit by age. The broker would apply it while no service runs, and at the moment at which a
shorter one is set, before the states could be stored again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from opsroom_cloud.domain.outcomes import forget
from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.projection import InstanceProjection, TrackedInstance
from opsroom_contracts.cloud.ids import lost_operation_id
from opsroom_messaging.errors import ConflictError
from opsroom_messaging.jetstream.stream_retention import StreamRetention
from opsroom_runtime.duties import Duty

_MAX_INTERVAL_SECONDS = 60.0
_RUNS_PER_RETENTION = 20

log = logging.getLogger(__name__)


class EventRetention:
    """Drops events that are older than ``retention``, up to the oldest one that holds a state.

    The reconciler stores aging states again, so that one does not hold up the others for long.

    ``is_live``: whether the projection is complete. One that is being read again lacks states.
    """

    def __init__(
        self,
        events: EventStore,
        projection: InstanceProjection,
        stream: StreamRetention,
        *,
        clock: Callable[[], datetime],
        retention: timedelta,
        is_live: Callable[[], bool],
    ) -> None:
        self._events = events
        self._projection = projection
        self._stream = stream
        self._clock = clock
        self._retention = retention
        self._is_live = is_live

    def duties(self, interval: float) -> tuple[Duty, ...]:
        """The periodic work, at most every ``interval`` seconds."""
        seconds = min(_MAX_INTERVAL_SECONDS, self._retention.total_seconds() / _RUNS_PER_RETENTION)
        return (
            Duty("lost states", self.report_lost, max(interval, seconds)),
            Duty("expired events", self.expire, max(interval, seconds)),
        )

    async def expire(self) -> None:
        """Drop what is older than the retention and holds no state.

        Raises:
            UnavailableError: the broker did not respond.
        """
        bounds = await self._stream.bounds()
        since = await self._stream.first_since(self._clock() - self._retention)
        keep_from = bounds.last + 1 if since is None else since
        if not self._is_live():  # no longer: the subscription may have started over meanwhile
            return
        needed = self._projection.oldest_needed()
        if needed is not None:
            keep_from = min(keep_from, needed)
        if keep_from > bounds.first:
            await self._stream.drop_before(keep_from)

    async def report_lost(self) -> None:
        """Store the removal of instances whose state the stream has lost, so that every reader knows.

        It is not lost by this service: an operator purged the stream, or gave it a limit.

        Raises:
            UnavailableError: the broker did not respond.
        """
        bounds = await self._stream.bounds()
        for known in self._projection.lost_before(bounds.first):
            await self._remove_lost(known)

    async def _remove_lost(self, known: TrackedInstance) -> None:
        instance = known.instance
        if instance is None or (await self._events.refresh(instance.id)).seq:
            return
        event = forget(instance, lost_operation_id(instance.id, known.seq), self._clock())
        try:
            await self._events.append(event, expected=0)
        except ConflictError:
            return  # another process reports it, or somebody created the instance again
        log.warning("instance %s (%s) is lost: %s", instance.id, instance.state.value, event.reason)
