"""How many operations one actor may have pending, counted before they are stored."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from opsroom_cloud.domain.lifecycle import AcceptCommand
from opsroom_cloud.instance_projection import InstanceProjection
from opsroom_contracts.errors import ErrorCode, refuse

_LEAST_RETRY_SECONDS = 0.05


class PendingQuota:
    """Counts what the events show as pending and what this process is storing at this moment.

    So commands that come at once do not pass the limit. What another process has accepted counts as soon as
    its event has come here: until then each knows of its own alone.
    """

    def __init__(self, fold: InstanceProjection) -> None:
        self._fold = fold
        self._storing: defaultdict[str, set[str]] = defaultdict(set)

    @contextmanager
    def reserve(self, order: AcceptCommand) -> Iterator[None]:
        """A place for ``order`` while it is stored; the fold must know of it when the block ends.

        Raises:
            FaultError: ``rate_limited``, with when the first of the actor's operations is due.
        """
        if order.pending_max is None:
            yield
            return
        self._check(order, order.pending_max)
        storing = self._storing[order.actor]
        storing.add(order.operation_id)
        try:
            yield
        finally:
            storing.discard(order.operation_id)
            if not storing:
                del self._storing[order.actor]

    def _check(self, order: AcceptCommand, most: int) -> None:
        due = self._fold.due_of(order.actor)
        storing = self._storing.get(order.actor, set())
        # The event may have come before the answer to its writer: one operation, one place.
        count = len(due) + len(storing - due.keys())
        if count < most:
            return
        wait = (min(due.values(), default=order.due_at) - order.accepted_at).total_seconds()
        raise refuse(
            ErrorCode.RATE_LIMITED,
            f"{order.actor} has {count} operations pending, of at most {most}; wait until one is done",
            retry_after=round(max(wait, _LEAST_RETRY_SECONDS), 3),
        )
