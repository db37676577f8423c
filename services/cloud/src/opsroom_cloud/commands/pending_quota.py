"""Quota of pending operations per identity."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from opsroom_cloud.domain.orders import AcceptCommand
from opsroom_cloud.instances.projection import InstanceProjection, quota_key
from opsroom_contracts.errors import ErrorCode, refuse

_MIN_RETRY_SECONDS = 0.05


class PendingQuota:
    """Counts pending operations in the projection and those that this process is storing.

    Concurrent commands in one process therefore can't exceed the quota. Operations accepted by another
    process count as soon as their events are delivered.
    """

    def __init__(self, projection: InstanceProjection) -> None:
        self._projection = projection
        self._storing: defaultdict[str, set[str]] = defaultdict(set)

    @contextmanager
    def reserve(self, order: AcceptCommand) -> Iterator[None]:
        """Reserve quota for ``order`` while it is stored; the projection must contain it when the block ends.

        Raises:
            FaultError: ``rate_limited``; ``retry_after`` is when the caller's next operation is due.
        """
        if order.pending_max is None:
            yield
            return
        self._check(order, order.pending_max)
        key = quota_key(order.identity, order.actor)
        storing = self._storing[key]
        storing.add(order.operation_id)
        try:
            yield
        finally:
            storing.discard(order.operation_id)
            if not storing:
                del self._storing[key]

    def _check(self, order: AcceptCommand, limit: int) -> None:
        key = quota_key(order.identity, order.actor)
        due = self._projection.due_of(key)
        storing = self._storing.get(key, set())
        # The event may be delivered before the write returns: don't count the operation twice.
        count = len(due) + len(storing - due.keys())
        if count < limit:
            return
        wait = (min(due.values(), default=order.due_at) - order.accepted_at).total_seconds()
        raise refuse(
            ErrorCode.RATE_LIMITED,
            f"{order.actor} has {count} pending operations, and the limit is {limit}; wait until one is done",
            retry_after=round(max(wait, _MIN_RETRY_SECONDS), 3),
        )
