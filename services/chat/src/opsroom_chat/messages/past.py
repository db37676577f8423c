"""A room as it was at an earlier sequence.

Texts that were edited or removed since are erased from the stream, so nobody can see what they were: their
places are shown, and that they are erased. What has changed since is read from the stream, up to a limit.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from opsroom_chat.messages.history import History
from opsroom_contracts.chat.events import CHAT_EVENT, MessageEdited, MessageRemoved
from opsroom_contracts.chat.models import ErasedMessage, HistoryReply, HistoryRequest, Message
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import room_events
from opsroom_messaging.errors import OverloadedError
from opsroom_messaging.jetstream.backward_reader import BATCH
from opsroom_messaging.jetstream.reach import oldest_within
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

PAST_MAX: Final = 10_000
"""How many events of the room may have followed the moment that is shown."""
_ERASED_MAX: Final = 1000
"""How many erased messages a page has at most; it ends there, and the next one continues."""
_CONCURRENT: Final = 2
_WAITING_MAX: Final = 50
_NOTHING: Final = {"reactions": None, "pinned": None, "replies": None}
"""What later events say about messages, and so is not part of the past."""


@dataclass(slots=True)
class _Since:
    """What has changed after ``at``, by the place of the message."""

    at: int
    erased: dict[int, ErasedMessage] = field(default_factory=dict)

    def add(self, stored: StreamMessage) -> None:
        """Add an event. Those of messages that came later, and of replies that are removed, say nothing."""
        try:
            event = CHAT_EVENT.read(stored.data)
        except ContractError:
            return
        if not isinstance(event, MessageEdited | MessageRemoved) or event.message_seq > self.at:
            return
        is_removed = isinstance(event, MessageRemoved)
        if event.thread is not None and (isinstance(event, MessageRemoved) or not event.broadcast):
            return  # the room did not show it, as far as is known: a tombstone does not say
        self.erased[event.message_seq] = ErasedMessage(
            seq=event.message_seq,
            id=event.id,
            timestamp=event.sent_at,
            removed=is_removed,
            user=None if isinstance(event, MessageRemoved) else event.user,
        )


class Past:
    """Reads pages of a room, those of the past, too. Few of these are read at the same time: each may read
    much of the stream.
    """

    def __init__(self, reader: StreamReader, history: History, *, reach: int = PAST_MAX) -> None:
        self._reader = reader
        self._history = history
        self._reach = reach
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    @property
    def malformed(self) -> int:
        """How many stored messages were skipped because they fit no contract."""
        return self._history.malformed

    async def page(self, request: HistoryRequest) -> HistoryReply:
        """Return a page of the room as it is or, with ``at``, as it was when that was the last sequence.

        Raises:
            FaultError: ``invalid_request``: it is in the future, no longer stored, or too far back; the
                message names the oldest possible one.
            OverloadedError: too many requests are waiting.
            UnavailableError: the broker did not reply, or the index is being built.
        """
        if request.at is None:
            return await self._history.page(request)
        if self._waiting >= _WAITING_MAX:
            raise OverloadedError("too many pages of the past are being read")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._read(request, request.at)
        finally:
            self._waiting -= 1

    async def _read(self, request: HistoryRequest, at: int) -> HistoryReply:
        if request.after is not None:
            raise _invalid("after", "can't be together with at: pages of the past are read backwards")
        await self._check(request.room, at)
        before = at + 1 if request.before is None else min(request.before, at + 1)
        now = await self._history.page(request.model_copy(update={"before": before, "at": None}))
        since = await self._since(request.room, at)  # read afterwards: it includes what changed meanwhile
        low = _first_place(now, request.limit)
        erased = sorted((one for one in since.erased.values() if low <= one.seq < before), key=_place)
        following = now.next
        if len(erased) > _ERASED_MAX:
            erased = erased[-_ERASED_MAX:]
            low = following = erased[0].seq
        messages = [one for one in now.messages if one.seq >= low and one.seq not in since.erased]
        return HistoryReply(
            messages=tuple(one.model_copy(update=_NOTHING) for one in messages),
            next=low if following is None and low > 0 else following,
            as_of=at,
            erased=tuple(erased),
        )

    async def _check(self, room: str, at: int) -> None:
        bounds = await self._reader.bounds()
        if at > bounds.last:
            raise _invalid("at", f"is in the future: the last sequence is {bounds.last}")
        if at < bounds.first:
            raise _invalid("at", f"is no longer stored: the oldest sequence is {bounds.first}")
        if await self._reader.count(room_events(room), start=at + 1) > self._reach:
            oldest = await oldest_within(self._reader, room_events(room), self._reach)
            message = f"is too far back: more than {self._reach} events followed; the oldest is {oldest}"
            raise _invalid("at", message)

    async def _since(self, room: str, at: int) -> _Since:
        since, start, read = _Since(at), at + 1, 0
        while batch := await self._reader.page(room_events(room), start=start, count=BATCH):
            for stored in batch:
                since.add(stored)
            start, read = batch[-1].seq + 1, read + len(batch)
            if len(batch) < BATCH:
                break
            if read > 2 * self._reach:
                raise OverloadedError("more is being written than can be read")
        return since


def _first_place(page: HistoryReply, limit: int) -> int:
    """Return the place from which on a page has everything."""
    if page.next is not None:
        return page.next
    return page.messages[0].seq if len(page.messages) == limit else 0


def _place(message: ErasedMessage | Message) -> int:
    return message.seq


def _invalid(field: str, reason: str) -> FaultError:
    return refuse(ErrorCode.INVALID_REQUEST, f"{field}: {reason}", field=field)
