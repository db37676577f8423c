"""Changes of servers as they happen, and the outcomes of commands."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TypeGuard

from opsroom_client.cloud.queries import Queries
from opsroom_client.event_stream import CloudChange, OnConnection, StreamHealth, events_after
from opsroom_client.position import Position, position_from
from opsroom_contracts.cloud.commands import AWAITING, EventType
from opsroom_contracts.cloud.models import UNFINISHED, Operation
from opsroom_contracts.http import CloudEvent

_GOES_ON = AWAITING | {EventType.RECEIVED, EventType.WORKING}
"""The events after which an operation is not finished."""

OnWorking = Callable[[CloudEvent], None]
"""Called when the provider begins to work on an operation, and at each progress that it reports."""


class Following(Queries):
    """Changes and outcomes."""

    @asynccontextmanager
    async def follow(
        self,
        since: int | Position | None = None,
        *,
        timeout: float | None = None,
        on_connection: OnConnection | None = None,
    ) -> AsyncIterator[AsyncIterator[CloudChange]]:
        """Every change after ``since`` (None: from now on), each once, through reconnects.

        ``since``: a sequence, or ``Position.of`` a list. A position lets the server notice that it was
        restored from a backup in the meantime, or that its data was deleted: then a reset comes first.

        ::

            async with opsroom.cloud.follow(since=0) as changes:
                async for change in changes:
                    ...

        The first connect has the client's timeout. ``timeout``: how many seconds a later disconnect may last;
        None: no limit. ``on_connection``: called at each disconnect and reconnect.
        """
        start = Position.of(await self.instances()) if since is None else position_from(since)
        health = StreamHealth(self._requests.timeout, timeout, on_connection)
        async with aclosing(events_after(self._requests, start, health)) as changes:
            yield changes

    async def finished(
        self, operation: Operation, since: int | Position, *, on_connection: OnConnection | None = None
    ) -> Operation:
        """Wait until ``operation`` is no longer pending; ``since``: a position from before the command.

        No disconnect may last longer than the client's timeout. ``on_connection``: called at each disconnect
        and reconnect.
        """
        async with aclosing(self.outcomes([operation], since, on_connection=on_connection)) as outcomes:
            async for outcome in outcomes:
                return outcome
        raise AssertionError("each operation has an outcome")

    async def outcomes(
        self,
        operations: Iterable[Operation],
        since: int | Position,
        *,
        on_connection: OnConnection | None = None,
        on_working: OnWorking | None = None,
    ) -> AsyncGenerator[Operation, None]:
        """Each of ``operations`` as soon as it is no longer pending; otherwise as :meth:`finished`.

        ``on_working``: called with each event about the progress of one of them.
        """
        waiting: dict[str, Operation] = {}
        for operation in operations:
            if operation.status in UNFINISHED:
                waiting[operation.id] = operation
            else:  # a repeated key returns the operation of the first command, which may be finished
                yield operation
        if not waiting:
            return
        timeout = self._requests.timeout
        async with self.follow(since, timeout=timeout, on_connection=on_connection) as changes:
            async for change in changes:
                if on_working is not None and _is_progress(change, waiting):
                    on_working(change)
                for operation_id in _maybe_finished(change, waiting):
                    current = await self.operation(operation_id)
                    if current.status not in UNFINISHED:
                        del waiting[operation_id]
                        yield _with_reason(current, change)
                if not waiting:
                    return


def _is_progress(change: CloudChange, waiting: Mapping[str, Operation]) -> TypeGuard[CloudEvent]:
    return (
        isinstance(change, CloudEvent)
        and change.type is EventType.WORKING
        and change.operation_id is not None
        and change.operation_id in waiting
    )


def _maybe_finished(change: CloudChange, waiting: Mapping[str, Operation]) -> list[str]:
    """The ids in ``waiting`` that may be finished after ``change``: after a reset, all of them."""
    if not isinstance(change, CloudEvent):
        return list(waiting)
    operation, goes_on = change.operation_id, change.type in _GOES_ON
    return [operation] if operation is not None and operation in waiting and not goes_on else []


def _with_reason(operation: Operation, change: CloudChange) -> Operation:
    """``operation`` with the reason of the event: earlier releases do not return it with the operation."""
    if operation.reason is not None or not isinstance(change, CloudEvent):
        return operation
    return operation.model_copy(update={"reason": change.reason})
