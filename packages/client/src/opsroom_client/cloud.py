"""The cloud: servers listed, commanded and followed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

import httpx
from httpx_sse import aconnect_sse

from opsroom_client.backoff import Backoff
from opsroom_client.errors import RefusedError, UnexpectedAnswerError
from opsroom_client.requests import API, Call, Requests, refusal
from opsroom_contracts.cloud import Command, EventType, Operation, OperationStatus
from opsroom_contracts.codec import ContractError, contract_of, decode_open
from opsroom_contracts.http import (
    SSE_CHANGE,
    SSE_RESET,
    CloudEvent,
    InstanceList,
    OperationAccepted,
    ResetEvent,
)

CloudChange = CloudEvent | ResetEvent
"""What the stream tells: an event, or that what was missed can't be told: then fetch the list anew."""

_SILENCE_SECONDS = 45.0
"""A stream says every 15 s that it lives; one that is silent for so long is dead."""
_EVENT_BYTES = 64 * 1024
"""The longest event that is read."""
_EVENT = contract_of(CloudEvent)
_RESET = contract_of(ResetEvent)


class Cloud:
    """Servers. Every command takes a ``key``, one for one intention: the same key again is done once.

    All raise :class:`RefusedError`, :class:`UnreachableError` and :class:`UnexpectedAnswerError`.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def instances(self) -> InstanceList:
        """All servers, and the sequence from which to follow what happens next."""
        return await self._requests.ask(Call("GET", "/cloud/instances"), InstanceList)

    async def create(self, *, key: str | None = None) -> Operation:
        """Create a server."""
        return await self._command("POST", "/cloud/instances", key)

    async def start(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Start a server."""
        return await self._command("POST", f"/cloud/instances/{instance_id}/start", key)

    async def stop(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Stop a server."""
        return await self._command("POST", f"/cloud/instances/{instance_id}/stop", key)

    async def remove(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Remove a server."""
        return await self._command("DELETE", f"/cloud/instances/{instance_id}", key)

    async def command(
        self, command: Command, instance_id: str | None = None, *, key: str | None = None
    ) -> Operation:
        """Any command by its name; ``create`` takes no ``instance_id``, all others need one."""
        if command is Command.CREATE:
            return await self.create(key=key)
        if instance_id is None:
            raise ValueError(f"{command.value} needs an instance_id")
        verbs = {Command.START: self.start, Command.STOP: self.stop, Command.REMOVE: self.remove}
        return await verbs[command](instance_id, key=key)

    async def operation(self, operation_id: str) -> Operation:
        """What became of a command."""
        answer = await self._requests.ask(Call("GET", f"/cloud/operations/{operation_id}"), OperationAccepted)
        return answer.operation

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel a pending command; cancelling it again answers the same."""
        call = Call("DELETE", f"/cloud/operations/{operation_id}")
        return (await self._requests.ask(call, OperationAccepted)).operation

    @asynccontextmanager
    async def follow(self, since: int | None = None) -> AsyncIterator[AsyncIterator[CloudChange]]:
        """Every change after ``since`` (None: from now on), each once, however often the connection breaks.

        ::

            async with opsroom.cloud.follow(since=0) as changes:
                async for change in changes:
                    ...
        """
        start = (await self.instances()).seq if since is None else since
        async with aclosing(self._changes(start)) as changes:
            yield changes

    async def finished(self, operation: Operation, since: int) -> Operation:
        """Wait until ``operation`` is no longer pending; ``since``: a sequence from before the command."""
        async with self.follow(since) as changes:
            async for change in changes:
                if isinstance(change, CloudEvent):
                    over = change.operation_id == operation.id and change.type is not EventType.RECEIVED
                    if not over:
                        continue
                current = await self.operation(operation.id)
                if current.status is not OperationStatus.PENDING:
                    return current
        raise AssertionError("the stream of changes has no end")

    async def _changes(self, since: int) -> AsyncGenerator[CloudChange, None]:
        backoff = Backoff()
        while True:
            at_least = 0.0
            try:
                async with aclosing(self._until_it_breaks(since)) as changes:
                    async for change in changes:
                        backoff.reset()
                        since = change.seq
                        yield change
            except httpx.TransportError:
                pass  # how it broke does not matter: it goes on where it was
            except RefusedError as error:
                if not error.retryable:
                    raise
                at_least = error.retry_after or 0.0
            await asyncio.sleep(backoff.next(at_least))

    async def _until_it_breaks(self, since: int) -> AsyncGenerator[CloudChange, None]:
        http = self._requests.http
        headers = {"Last-Event-ID": str(since)}
        timeout = httpx.Timeout(http.timeout.connect, read=_SILENCE_SECONDS)
        async with aconnect_sse(
            http, "GET", f"{API}/cloud/events", headers=headers, timeout=timeout
        ) as source:
            if not source.response.is_success:
                await source.response.aread()
                raise refusal(source.response)
            async for event in source.aiter_sse():
                try:
                    if event.event == SSE_CHANGE:
                        yield decode_open(_EVENT, event.data, _EVENT_BYTES)
                    elif event.event == SSE_RESET:
                        yield decode_open(_RESET, event.data, _EVENT_BYTES)
                except ContractError as error:
                    raise UnexpectedAnswerError(f"an event that can't be read: {error}") from None

    async def _command(self, method: str, path: str, key: str | None) -> Operation:
        call = Call(method, path, key=key or uuid4().hex)
        return (await self._requests.ask(call, OperationAccepted)).operation
