"""Handler that lists instances."""

from opsroom_cloud.event_store import EventStore
from opsroom_cloud.instance_projection import InstanceProjection
from opsroom_contracts.cloud.requests import ListReply, ListRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_CATCH_UP_SECONDS = 3.0


class InstanceLister:
    """Handler of ``cloud.list``. Waits until the projection contains what was stored before the request."""

    def __init__(
        self, events: EventStore, projection: InstanceProjection, subscription: StreamSubscription
    ) -> None:
        self._events = events
        self._projection = projection
        self._subscription = subscription

    async def page(self, request: ListRequest) -> ListReply:
        """Return a page of instances, sorted by id.

        It contains at least the events up to ``seq``, and perhaps later ones. Applying those again is
        harmless.

        Raises:
            FaultError: ``unavailable``: the projection did not catch up in time.
        """
        if not await self._subscription.wait_for(await self._events.last_seq(), _CATCH_UP_SECONDS):
            raise refuse(ErrorCode.UNAVAILABLE, "catching up with the broker; try again")
        found = self._projection.after(request.after, request.limit + 1)
        page = tuple(found[: request.limit])
        more = len(found) > request.limit
        return ListReply(
            seq=self._projection.position,
            epoch=self._subscription.epoch,
            instances=page,
            next=page[-1].id if more else None,
        )
