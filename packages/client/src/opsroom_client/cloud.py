"""The cloud: servers listed, commanded and followed."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

from opsroom_client.event_stream import CloudChange, OnConnection, StreamHealth, events_after
from opsroom_client.requests import Call, Requests
from opsroom_contracts.cloud import Operation, OperationStatus
from opsroom_contracts.commands import COMMANDS, Command, EventType
from opsroom_contracts.http import CloudEvent, InstanceList, OperationAccepted


class Cloud:
    """Servers. Every command takes a ``key``, one for one intention: the same key again is done once.

    All raise :class:`RefusedError`, :class:`UnreachableError` and :class:`UnexpectedResponseError`.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def instances(self) -> InstanceList:
        """All servers, and the sequence from which to follow what happens next."""
        return await self._requests.ask(Call("GET", "/cloud/instances"), InstanceList)

    async def create(self, *, key: str | None = None) -> Operation:
        """Create a server."""
        return await self.command(Command.CREATE, key=key)

    async def start(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Start a server."""
        return await self.command(Command.START, instance_id, key=key)

    async def stop(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Stop a server."""
        return await self.command(Command.STOP, instance_id, key=key)

    async def remove(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Remove a server."""
        return await self.command(Command.REMOVE, instance_id, key=key)

    async def command(
        self, command: Command, instance_id: str | None = None, *, key: str | None = None
    ) -> Operation:
        """Any command. ``create`` takes no ``instance_id``, all others need one.

        Raises:
            ValueError: ``instance_id`` is missing.
        """
        if command is not Command.CREATE and instance_id is None:
            raise ValueError(f"{command.value} needs an instance_id")
        spec = COMMANDS[command]
        path = "/cloud" + spec.path.format(instance_id=instance_id)
        call = Call(spec.method, path, key=key or uuid4().hex)
        return (await self._requests.ask(call, OperationAccepted)).operation

    async def operation(self, operation_id: str) -> Operation:
        """What became of a command."""
        answer = await self._requests.ask(Call("GET", f"/cloud/operations/{operation_id}"), OperationAccepted)
        return answer.operation

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel a pending command; cancelling it again answers the same."""
        call = Call("DELETE", f"/cloud/operations/{operation_id}")
        return (await self._requests.ask(call, OperationAccepted)).operation

    @asynccontextmanager
    async def follow(
        self,
        since: int | None = None,
        *,
        patience: float | None = None,
        on_connection: OnConnection | None = None,
    ) -> AsyncIterator[AsyncIterator[CloudChange]]:
        """Every change after ``since`` (None: from now on), each once, however often the connection breaks.

        ::

            async with opsroom.cloud.follow(since=0) as changes:
                async for change in changes:
                    ...

        The first connection has the client's own patience. ``patience``: for how many seconds it may be away
        later, None being any time. ``on_connection``: told of breaks and of their ends.
        """
        start = (await self.instances()).seq if since is None else since
        connection = StreamHealth(self._requests.patience, patience, on_connection)
        async with aclosing(events_after(self._requests, start, connection)) as changes:
            yield changes

    async def finished(
        self, operation: Operation, since: int, *, on_connection: OnConnection | None = None
    ) -> Operation:
        """Wait until ``operation`` is no longer pending; ``since``: a sequence from before the command.

        No break may last longer than the client's patience. ``on_connection``: told of breaks and their ends.
        """
        patience = self._requests.patience
        async with self.follow(since, patience=patience, on_connection=on_connection) as changes:
            async for change in changes:
                if isinstance(change, CloudEvent):
                    over = change.operation_id == operation.id and change.type is not EventType.RECEIVED
                    if not over:
                        continue
                current = await self.operation(operation.id)
                if current.status is not OperationStatus.PENDING:
                    return current
        raise AssertionError("the stream of changes has no end")
