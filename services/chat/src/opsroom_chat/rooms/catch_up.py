"""Waiting for the memberships that are stored already."""

import asyncio

from opsroom_contracts.subjects import MEMBERSHIPS, ROOM_RECORDS
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SECONDS = 2.0


class CatchUp:
    """Waits until this process has seen every room and membership that was stored before the call.

    Concurrent calls share one read of the broker, which begins after each of them.
    """

    def __init__(self, reader: StreamReader, subscription: StreamSubscription) -> None:
        self._reader = reader
        self._subscription = subscription
        self._next: asyncio.Task[int] | None = None
        self._reading: asyncio.Task[int] | None = None

    async def __call__(self) -> int:
        """Return the sequence of the last one.

        Raises:
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._reading))
        seq = await asyncio.shield(self._next)
        if not await self._subscription.wait_for(seq, _SECONDS):
            raise UnavailableError("this process has not seen the latest memberships yet")
        return seq

    async def _read_after(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait([before])
        self._reading, self._next = self._next, None
        found = await asyncio.gather(self._reader.last(MEMBERSHIPS), self._reader.last(ROOM_RECORDS))
        return max((stored.seq for stored in found if stored is not None), default=0)
