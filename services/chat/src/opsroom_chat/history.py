"""Pages of a room's history, read by the room's subject: what other rooms have stored costs nothing.

A page has a budget; the next one continues where it ended.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from opsroom_contracts.chat.events import CHAT_EVENT, message_of
from opsroom_contracts.chat.models import HistoryReply, HistoryRequest, Message
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import room_events
from opsroom_messaging.errors import OverloadedError
from opsroom_messaging.jetstream.backward_reader import BATCH, BackwardReader
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_REPLY_BYTES = 700 * 1024
"""Maximum size of a page, well under the broker's payload limit of 1 MiB."""
_READ_MAX = 2000
"""Messages that are read for one page. Removed and malformed ones are read, but not shown."""
_SECONDS = 5.0
"""How long reading one page may take, less than the timeout of its request."""
_CONCURRENT = 8
_WAITING_MAX = 500

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Page:
    """A page that is being read, in the order of reading. ``deadline``: when to stop, by the loop's clock."""

    limit: int
    deadline: float
    found: list[Message] = field(default_factory=list)
    size: int = 0
    read: int = 0

    @property
    def missing(self) -> int:
        return self.limit - len(self.found)

    def is_over(self, now: float) -> bool:
        """Whether the page is complete, or its budget is used up."""
        return self.missing <= 0 or self.read >= _READ_MAX or now >= self.deadline

    def has_room(self, stored: StreamMessage) -> bool:
        """Whether the reply may contain one more message; the first always fits."""
        return not self.found or (self.missing > 0 and self.size + len(stored.data) <= _REPLY_BYTES)


class History:
    """Reads pages. Only some are read at the same time, so that they don't delay the messages of others."""

    def __init__(self, reader: StreamReader) -> None:
        self.malformed = 0
        self._reader = reader
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    async def page(self, request: HistoryRequest) -> HistoryReply:
        """Return the page before or after a sequence.

        Raises:
            OverloadedError: too many requests are waiting.
            UnavailableError: the broker did not reply.
        """
        if self._waiting >= _WAITING_MAX:
            raise OverloadedError("too many pages of history are being read")
        self._waiting += 1
        try:
            async with self._slots:
                page = _Page(request.limit, asyncio.get_running_loop().time() + _SECONDS)
                if request.after is not None:
                    following = await self._read_forwards(page, request.room, request.after)
                else:
                    following = await self._read_backwards(page, request.room, request.before)
                    page.found.reverse()
        finally:
            self._waiting -= 1
        # A full page says where the next one begins. Gateways of the last release know no `next`.
        is_full = len(page.found) == request.limit
        return HistoryReply(messages=tuple(page.found), next=None if is_full else following)

    async def _read_forwards(self, page: _Page, room: str, after: int) -> int | None:
        """Fill ``page`` with what follows ``after``.

        Returns the ``after`` of the next page; None: there are no more.
        """
        subject, loop = room_events(room), asyncio.get_running_loop()
        while True:
            count = min(page.missing, BATCH)
            batch = await self._reader.page(subject, start=after + 1, count=count)
            for stored in batch:
                if not page.has_room(stored):
                    return after
                self._add(page, stored)
                after = stored.seq
            page.read += len(batch)
            if len(batch) < count:
                return None
            if page.is_over(loop.time()):
                return after

    async def _read_backwards(self, page: _Page, room: str, before: int | None) -> int | None:
        """Fill ``page`` with what precedes ``before``.

        Returns the ``before`` of the next page; None: there are no more.
        """
        loop = asyncio.get_running_loop()
        reader = await BackwardReader.before(self._reader, room_events(room), before)
        while reader.has_more:
            end = reader.end
            window = await reader.window(page.missing)
            page.read += len(window)
            for stored in reversed(window):
                if not page.has_room(stored):
                    return end
                self._add(page, stored)
                end = stored.seq
            if page.is_over(loop.time()):
                break
        return reader.end if reader.has_more else None

    def _add(self, page: _Page, stored: StreamMessage) -> None:
        try:
            message = message_of(CHAT_EVENT.read(stored.data), stored.seq)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", stored.subject, stored.seq, error)
            return
        if message is not None:
            page.found.append(message)
            page.size += len(stored.data)
