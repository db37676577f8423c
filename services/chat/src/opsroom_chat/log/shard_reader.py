"""Completing the index of single shards from the stream, where the subscription is behind."""

import asyncio
from collections.abc import Collection
from weakref import WeakValueDictionary

from opsroom_chat.log.message_index import MessageIndex
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_PAGE = 250
_CONCURRENT = 8
_FEW = 8
"""So few shards are read one by one. For more, the subscription gets a moment first."""
_MOMENT_SECONDS = 0.1
_ATTEMPTS = 5


class ShardReader:
    """Reads what the index lacks of a shard."""

    def __init__(self, reader: StreamReader, index: MessageIndex, subscription: StreamSubscription) -> None:
        self._reader = reader
        self._index = index
        self._subscription = subscription
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(_CONCURRENT)

    async def prepare(self, subjects: Collection[str]) -> None:
        """Read the shards that the index does not have, because it is being built.

        Raises:
            UnavailableError: the broker did not reply.
        """
        missing = [subject for subject in subjects if not self._index.is_current(subject)]
        await asyncio.gather(*(self.complete(subject) for subject in missing))

    async def catch_up(self, subjects: Collection[str], *, again: bool) -> None:
        """Complete shards on which a guarded write has failed.

        ``again``: not for the first time, so that the subscription alone does not suffice.

        Raises:
            UnavailableError: the broker did not reply.
        """
        if len(subjects) > _FEW and self._index.synced and not again:
            bounds = await self._reader.bounds()
            if await self._subscription.wait_for(bounds.last, _MOMENT_SECONDS):
                return
        await asyncio.gather(*(self._repair(subject) for subject in subjects))

    async def complete(self, subject: str) -> None:
        """Add everything to the index that the shard has now.

        Raises:
            UnavailableError: the broker did not reply.
        """
        lock = self._locks.setdefault(subject, asyncio.Lock())
        async with lock, self._slots:
            for _ in range(_ATTEMPTS):
                generation = self._index.generation
                if self._index.extend(subject, await self._read(subject), generation):
                    return
        raise UnavailableError("the message index is being built; try again")

    async def _read(self, subject: str) -> int:
        """Add the rest of the shard to the index; return the last sequence, or what the index had."""
        end = self._index.end(subject)
        while True:
            page = await self._reader.page(subject, start=end + 1, count=_PAGE)
            for stored in page:
                self._index.add_event(stored.subject, stored.data, stored.seq)
            end = page[-1].seq if page else end
            if len(page) < _PAGE:
                return end

    async def _repair(self, subject: str) -> None:
        """Complete the shard; if its last events are gone, note that."""
        await self.complete(subject)
        last = await self._reader.last(subject)
        end = 0 if last is None else last.seq
        if end < self._index.end(subject):
            self._index.shorten(subject, end)
