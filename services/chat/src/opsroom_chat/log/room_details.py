"""What the index says about the messages of a room: where edited ones are, reactions and pins."""

import asyncio
from collections.abc import Sequence

from opsroom_chat.domain.imports import all_reactions
from opsroom_chat.log.details import Placed, ThreadCounts, ThreadQuery
from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.index_keeper import IndexKeeper
from opsroom_contracts.chat.models import Message, Reactions, ThreadSummary
from opsroom_contracts.subjects import room_events
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_CATCH_UP_SECONDS = 2.0
_READS = 16
"""How many edited messages are read at the same time."""
_ATTEMPTS = 4

Text = tuple[int, StreamMessage | None]
"""The place of an edited message, and its last event; None: it is gone."""


class RoomDetails:
    """Reads details, for everything that depends on more than a single message.

    Raises ``UnavailableError`` while the index is being built.
    """

    def __init__(self, reader: StreamReader, keeper: IndexKeeper, subscription: StreamSubscription) -> None:
        self._reader = reader
        self._keeper = keeper
        self._subscription = subscription

    async def catch_up(self, room: str) -> int:
        """Wait until the index has everything that the room has now; return its last sequence.

        Raises:
            UnavailableError: this process is too far behind, or the broker did not reply.
        """
        last = await self._reader.last(room_events(room))
        if last is None:
            return 0
        if not await self._subscription.wait_for(last.seq, _CATCH_UP_SECONDS):
            raise UnavailableError("this process has not seen the latest messages yet")
        return last.seq

    async def moved(self, room: str, first: int, end: int, nearest: int) -> list[Placed]:
        """Return edited messages, as :func:`details.moved`."""
        return await self._keeper.read(lambda file: file.moved(room, first, end, nearest))

    async def texts(self, room: str, moved: Sequence[Placed]) -> list[Text]:
        """Return the last events of edited messages.

        One may be replaced while this reads: then the index has another sequence, at the latest when it has
        caught up.
        """
        found: list[Text] = []
        for start in range(0, len(moved), _READS):
            found += await asyncio.gather(*(self._text(room, one) for one in moved[start : start + _READS]))
        return found

    async def _text(self, room: str, one: Placed) -> Text:
        for _ in range(_ATTEMPTS):
            if not one.seq:
                break
            stored = await self._reader.at(one.seq)
            if stored is not None:
                return one.place, stored
            await self.catch_up(room)
            again = await self.moved(room, one.place, one.place + 1, 1)
            if not again or again[0] == one:
                break  # it has expired
            one = again[0]
        return one.place, None

    async def complete(self, room: str, messages: Sequence[Message], reader: str | None) -> list[Message]:
        """Return ``messages`` with their reactions, as ``reader`` sees them, their pins and their threads."""
        places = [message.seq for message in messages]

        def read(
            file: IndexFile,
        ) -> tuple[dict[int, tuple[Reactions, ...]], list[Placed], dict[str, ThreadSummary | None]]:
            threads = {one.id: file.summary(room, one.id) for one in messages if one.thread is None}
            return file.reactions(room, places, reader), file.pinned(room), threads

        reactions, pinned, threads = await self._keeper.read(read)
        pins = {one.place for one in pinned}
        return [
            message.model_copy(
                update={
                    "reactions": all_reactions(message, reactions.get(message.seq)),
                    "pinned": message.seq in pins or None,
                    "replies": threads.get(message.id),
                }
            )
            for message in messages
        ]

    async def reactions(self, room: str, place: int, user_id: str) -> tuple[Reactions, ...]:
        """Return the reactions to the message at ``place``, as a person sees them."""
        found = await self._keeper.read(lambda file: file.reactions(room, (place,), user_id))
        return found.get(place, ())

    async def replies(self, room: str, thread: str, before: int | None, limit: int) -> list[int]:
        """Return the places of replies to the message with the id ``thread``, the newest first."""
        return await self._keeper.read(lambda file: file.replies(room, thread, before, limit))

    async def thread_counts(
        self, queries: Sequence[ThreadQuery], user_id: str, until: int
    ) -> list[ThreadCounts]:
        """Count what a person has not read of threads, with replies up to ``until``."""
        if not queries:
            return []
        return await self._keeper.read(
            lambda file: [file.thread_counts(query, user_id, until) for query in queries]
        )

    async def existing(self, room: str, places: Sequence[int]) -> set[int]:
        """Return those of ``places`` whose messages are neither removed nor expired."""
        found: set[int] = set()
        for start in range(0, len(places), _READS):
            some = places[start : start + _READS]
            there = await asyncio.gather(*(self._exists(room, place) for place in some))
            found.update(place for place, exists in zip(some, there, strict=True) if exists)
        return found

    async def _exists(self, room: str, place: int) -> bool:
        (last,) = await self.moved(room, place, place + 1, 1) or [Placed(place, place)]
        _, stored = await self._text(room, last)
        return stored is not None

    async def pinned(self, room: str) -> list[Placed]:
        """Return the pinned messages of a room, the one pinned last first."""
        return await self._keeper.read(lambda file: file.pinned(room))
