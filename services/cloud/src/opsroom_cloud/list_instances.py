"""Listing the instances."""

from opsroom_cloud.event_store import EventStore
from opsroom_cloud.instance_projection import InstanceProjection
from opsroom_contracts.cloud import ListReply, ListRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_CATCH_UP_SECONDS = 3.0


class InstanceLister:
    """Answers ``cloud.list`` from memory, once memory holds all that was stored before the question."""

    def __init__(self, events: EventStore, fold: InstanceProjection, follower: StreamSubscription) -> None:
        self._events = events
        self._fold = fold
        self._follower = follower

    async def page(self, request: ListRequest) -> ListReply:
        """A page of the instances in the order of their ids.

        It holds at least all that the events up to ``seq`` tell; what it holds of later ones, those
        events say again.
        """
        if not await self._follower.wait_for(await self._events.last_seq(), _CATCH_UP_SECONDS):
            raise refuse(ErrorCode.UNAVAILABLE, "catching up with the broker; try again")
        found = self._fold.after(request.after, request.limit + 1)
        page = tuple(found[: request.limit])
        more = len(found) > request.limit
        return ListReply(seq=self._fold.position, instances=page, next=page[-1].id if more else None)
