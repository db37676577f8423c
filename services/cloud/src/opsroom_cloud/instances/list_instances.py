"""Handler that lists instances."""

from opsroom_cloud.instances.names import CatchUp
from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_contracts.cloud.requests import ListReply, ListRequest
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription


class InstanceLister:
    """Handler of ``cloud.list``. Waits until the projection contains what was stored before the request."""

    def __init__(
        self, catch_up: CatchUp, projection: InstanceProjection, subscription: StreamSubscription
    ) -> None:
        self._catch_up = catch_up
        self._projection = projection
        self._subscription = subscription

    async def page(self, request: ListRequest) -> ListReply:
        """Return a page of instances, sorted by id.

        It contains at least the events up to ``seq``, and perhaps later ones. Applying those again is
        harmless.

        Raises:
            FaultError: ``unavailable``: the projection did not catch up in time.
        """
        await self._catch_up()
        found = self._projection.after(request.after, request.limit + 1)
        page = tuple(found[: request.limit])
        more = len(found) > request.limit
        return ListReply(
            seq=self._projection.position,
            epoch=self._subscription.epoch,
            instances=page,
            next=page[-1].id if more else None,
        )
