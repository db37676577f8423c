"""Whether what was read from a stream's leader is current.

A node that the others can't reach takes itself for the leader for some seconds more. It goes on serving
reads, and lacks what has been stored since. Only a write needs the other nodes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nats.js.api import Header

from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.write_health import ROLLUP_SUBJECT, store

_HEADERS = {Header.MSG_TTL.value: "1s", Header.ROLLUP.value: ROLLUP_SUBJECT}
_FROM_READS = frozenset(
    {
        ErrorCode.TOKEN_INVALID,
        ErrorCode.USER_UNKNOWN,
        ErrorCode.MESSAGE_UNKNOWN,
        ErrorCode.RESTRICTION_UNKNOWN,
        ErrorCode.INSTANCE_NOT_FOUND,
        ErrorCode.OPERATION_NOT_FOUND,
        ErrorCode.OPERATION_PENDING,
        ErrorCode.OPERATION_FINISHED,
        ErrorCode.TRANSITION_INVALID,
        ErrorCode.PROTECTED,
        ErrorCode.NAME_TAKEN,
    }
)
"""Refusals that depend on what a stream holds."""

RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")


class LeaderCheck:
    """Confirms with a write that a stream has a leader. ``subject``: one that nobody reads.

    ``replicas``: of the stream. With one, nothing needs to be confirmed.
    """

    def __init__(self, broker: NatsConnection, subject: str, *, replicas: int) -> None:
        self._broker = broker
        self._subject = subject
        self._replicas = replicas
        self._next: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def confirming(
        self, handler: Callable[[RequestT], Awaitable[ReplyT]]
    ) -> Callable[[RequestT], Awaitable[ReplyT]]:
        """Wrap ``handler``: before it refuses because of what it has read, it is called again after a write.

        Every request may be handled twice, since requesters send it again, too.
        """

        async def handle(request: RequestT) -> ReplyT:
            try:
                return await handler(request)
            except FaultError as error:
                if self._replicas == 1 or error.fault.code not in _FROM_READS:
                    raise
            await self.confirm()
            return await handler(request)

        return handle

    async def confirm(self) -> None:
        """Return when a write that began after this call has landed. Concurrent calls share it.

        Raises:
            UnavailableError: it did not land.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._write(self._writing))
        await asyncio.shield(self._next)

    async def _write(self, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait((before,))
        self._writing, self._next = self._next, None
        await store(self._broker, self._subject, b"", _HEADERS)
