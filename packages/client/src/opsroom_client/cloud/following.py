"""Servers: list them, send commands, and follow their changes."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from opsroom_client.event_stream import CloudChange, OnConnection, StreamHealth, events_after
from opsroom_client.position import Position, position_from
from opsroom_client.requests import Call, Requests
from opsroom_contracts.cloud.commands import COMMANDS, Command, EventType
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_contracts.http import (
    CLOUD_HISTORY_MAX,
    CloudEvent,
    CloudHistory,
    InstanceList,
    OperationAccepted,
)
from opsroom_contracts.serialization.model import rfc3339


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which past events to read; None: all. ``earliest`` and ``latest`` are inclusive."""

    instance_id: str | None = None
    actor: str | None = None
    type: EventType | None = None
    earliest: datetime | None = None
    latest: datetime | None = None

    def params(self) -> dict[str, str | int]:
        """The parameters of the query."""
        params: dict[str, str | int | None] = {
            "instance": self.instance_id,
            "actor": self.actor,
            "type": None if self.type is None else self.type.value,
            "from": None if self.earliest is None else rfc3339(self.earliest),
            "to": None if self.latest is None else rfc3339(self.latest),
        }
        return {name: value for name, value in params.items() if value is not None}


ALL_EVENTS = EventFilter()


class Cloud:
    """Servers and their commands.

    Commands take an idempotency ``key``: commands with the same key are executed once. All methods raise
    :class:`RequestRejectedError`, :class:`UnreachableError` and :class:`UnexpectedResponseError`.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def instances(self) -> InstanceList:
        """All servers, and the sequence after which to follow changes."""
        return await self._requests.request(Call("GET", "/cloud/instances"), InstanceList)

    async def history_page(
        self, wanted: EventFilter = ALL_EVENTS, *, before: int | None = None, limit: int = 100
    ) -> CloudHistory:
        """A page of past events in ascending sequence: the latest that match, or those before a sequence.

        It can be short or empty although there are more: ``next`` is then the ``before`` of the next page.
        """
        params = wanted.params() | {"limit": limit} | ({} if before is None else {"before": before})
        return await self._requests.request(Call("GET", "/cloud/history", params=params), CloudHistory)

    async def create(self, *, key: str | None = None) -> Operation:
        """Create a server."""
        return await self.command(Command.CREATE, key=key)

    async def start(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Start a server."""
        return await self.command(Command.START, instance_id, key=key)

    async def stop(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Stop a server."""
        return await self.command(Command.STOP, instance_id, key=key)

    async def restart(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Restart a server."""
        return await self.command(Command.RESTART, instance_id, key=key)

    async def remove(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Remove a server."""
        return await self.command(Command.REMOVE, instance_id, key=key)

    async def command(
        self, command: Command, instance_id: str | None = None, *, key: str | None = None
    ) -> Operation:
        """Send a command; ``create`` takes no ``instance_id``, all others need one.

        Raises:
            ValueError: ``instance_id`` is missing.
        """
        if command is not Command.CREATE and instance_id is None:
            raise ValueError(f"{command.value} needs an instance_id")
        spec = COMMANDS[command]
        path = "/cloud" + spec.path.format(instance_id=instance_id)
        call = Call(spec.method, path, key=key or uuid4().hex)
        return (await self._requests.request(call, OperationAccepted)).operation

    async def operation(self, operation_id: str) -> Operation:
        """The current state of an operation."""
        response = await self._requests.request(
            Call("GET", f"/cloud/operations/{operation_id}"), OperationAccepted
        )
        return response.operation

    async def history(self, instance_id: str) -> tuple[CloudEvent, ...]:
        """Every stored event of a server, oldest first; also of a removed server."""
        wanted, pages = EventFilter(instance_id=instance_id), []
        before: int | None = None
        while True:
            page = await self.history_page(wanted, before=before, limit=CLOUD_HISTORY_MAX)
            pages.append(page.events)
            before = page.next
            if before is None:
                return tuple(event for events in reversed(pages) for event in events)

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel a pending command; idempotent."""
        call = Call("DELETE", f"/cloud/operations/{operation_id}")
        return (await self._requests.request(call, OperationAccepted)).operation

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
    ) -> AsyncGenerator[Operation, None]:
        """Each of ``operations`` as soon as it is no longer pending; otherwise as :meth:`finished`."""
        waiting: dict[str, Operation] = {}
        for operation in operations:
            if operation.status is OperationStatus.PENDING:
                waiting[operation.id] = operation
            else:  # a repeated key returns the operation of the first command, which may be finished
                yield operation
        if not waiting:
            return
        timeout = self._requests.timeout
        async with self.follow(since, timeout=timeout, on_connection=on_connection) as changes:
            async for change in changes:
                for operation_id in _maybe_finished(change, waiting):
                    current = await self.operation(operation_id)
                    if current.status is not OperationStatus.PENDING:
                        del waiting[operation_id]
                        yield _with_reason(current, change)
                if not waiting:
                    return


def _maybe_finished(change: CloudChange, waiting: Mapping[str, Operation]) -> list[str]:
    """The ids in ``waiting`` that may be finished after ``change``: after a reset, all of them."""
    if not isinstance(change, CloudEvent):
        return list(waiting)
    operation, begun = change.operation_id, change.type in {EventType.RECEIVED, EventType.WORKING}
    return [operation] if operation is not None and operation in waiting and not begun else []


def _with_reason(operation: Operation, change: CloudChange) -> Operation:
    """``operation`` with the reason of the event: earlier releases do not return it with the operation."""
    if operation.reason is not None or not isinstance(change, CloudEvent):
        return operation
    return operation.model_copy(update={"reason": change.reason})
