"""Pages of a room's history, read by the room's subject: what other rooms have stored costs nothing.

A page has a budget; the next one continues where it ended. Edited messages are at their places: the index
knows which these are, and where the stream has their texts now.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from opsroom_chat.log.room_details import RoomDetails
from opsroom_contracts.chat.events import CHAT_EVENT, MessageEvent, message_of
from opsroom_contracts.chat.models import HistoryReply, HistoryRequest, Message
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import room_events
from opsroom_messaging.errors import OverloadedError
from opsroom_messaging.jetstream.backward_reader import BATCH, BackwardReader
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_REPLY_BYTES = 700 * 1024
"""Maximum size of a page, well under the broker's payload limit of 1 MiB."""
_READ_MAX = 2000
"""Events that are read for one page. Removed messages, malformed ones and changes are read, but not shown."""
_SECONDS = 5.0
"""How long reading one page may take, less than the timeout of its request."""
_CONCURRENT = 8
_WAITING_MAX = 500

_END = 2**63 - 1
"""No place is higher."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Line:
    """A message and its place, or the place of something that is not shown. ``size``: in bytes."""

    place: int
    message: Message | None = None
    size: int = 0


@dataclass(slots=True)
class _Page:
    """A page that is being read, in the order of reading. ``deadline``: when to stop, by the loop's clock."""

    room: str
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

    def add(self, line: _Line) -> bool:
        """Add a message if the reply may contain one more; the first always fits. Returns whether it may."""
        if self.found and (self.missing <= 0 or self.size + line.size > _REPLY_BYTES):
            return False
        if line.message is not None:
            self.found.append(line.message)
            self.size += line.size
        return True


class History:
    """Reads pages. Only some are read at the same time, so that they don't delay the messages of others."""

    def __init__(self, reader: StreamReader, details: RoomDetails) -> None:
        self.malformed = 0
        self._reader = reader
        self._details = details
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    async def page(self, request: HistoryRequest) -> HistoryReply:
        """Return the page before or after a sequence.

        Raises:
            OverloadedError: too many requests are waiting.
            UnavailableError: the broker did not reply, or the index is being built.
        """
        if self._waiting >= _WAITING_MAX:
            raise OverloadedError("too many pages of history are being read")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._read(request)
        finally:
            self._waiting -= 1

    async def _read(self, request: HistoryRequest) -> HistoryReply:
        as_of = await self._details.catch_up(request.room)
        page = _Page(request.room, request.limit, asyncio.get_running_loop().time() + _SECONDS)
        if request.after is not None:
            following = await self._read_forwards(page, request.after)
        else:
            following = await self._read_backwards(page, request.before)
            page.found.reverse()
        messages = await self._details.complete(request.room, page.found, request.user_id)
        # A full page says where the next one begins. Gateways of the last release know no `next`.
        is_full = len(page.found) == request.limit
        return HistoryReply(messages=tuple(messages), next=None if is_full else following, as_of=as_of)

    async def _read_forwards(self, page: _Page, after: int) -> int | None:
        """Fill ``page`` with what follows ``after``.

        Returns the ``after`` of the next page; None: there are no more.
        """
        subject, loop = room_events(page.room), asyncio.get_running_loop()
        while True:
            count = min(page.missing, BATCH)
            batch = await self._reader.page(subject, start=after + 1, count=count)
            is_last = len(batch) < count
            end = _END if is_last else batch[-1].seq + 1
            lines, end = await self._merged(page, batch, min(after + 1, _END), end, page.missing)
            for line in lines:
                if not page.add(line):
                    return after
                after = line.place
            page.read += len(batch)
            if is_last and end == _END:
                return None
            after = max(after, end - 1)
            if page.is_over(loop.time()):
                return after

    async def _read_backwards(self, page: _Page, before: int | None) -> int | None:
        """Fill ``page`` with what precedes ``before``.

        Returns the ``before`` of the next page; None: there are no more.
        """
        loop = asyncio.get_running_loop()
        reader = await BackwardReader.before(self._reader, room_events(page.room), before)
        while reader.has_more or reader.end > 0:
            end = reader.end
            window = await reader.window(page.missing) if reader.has_more else []
            page.read += len(window)
            first = reader.end if reader.has_more else 0
            lines, first = await self._merged(page, window, first, end, -page.missing)
            reader.end = first
            for line in reversed(lines):
                if not page.add(line):
                    return end
                end = line.place
            if page.is_over(loop.time()):
                break
        return reader.end if reader.end > 0 else None

    async def _merged(
        self, page: _Page, window: Iterable[StreamMessage], first: int, end: int, nearest: int
    ) -> tuple[list[_Line], int]:
        """Return what is shown of the room from place ``first`` to before ``end``, ascending.

        ``window``: what the stream has there. ``nearest``: as in ``RoomDetails.moved``. Also returns the
        other bound: closer than the given one if there are more edited messages than that.
        """
        lines = {stored.seq: self._line(stored) for stored in window}
        moved = await self._details.moved(page.room, first, end, nearest)
        bound = first if nearest < 0 else end
        if len(moved) == abs(nearest):
            bound = moved[0].place if nearest < 0 else moved[-1].place + 1
            kept = range(bound, end) if nearest < 0 else range(first, bound)
            lines = {place: line for place, line in lines.items() if place in kept}
        for place, stored in await self._details.texts(page.room, moved):
            lines[place] = _Line(place) if stored is None else self._line(stored, place)
        return [lines[place] for place in sorted(lines)], bound

    def _line(self, stored: StreamMessage, place: int | None = None) -> _Line:
        """Return what an event shows. ``place``: that of an edited message; else it shows only there."""
        try:
            event = CHAT_EVENT.read(stored.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", stored.subject, stored.seq, error)
            return _Line(place or stored.seq)
        if place is None and not isinstance(event, MessageEvent):
            return _Line(stored.seq)
        message = message_of(event, stored.seq)
        if message is not None and message.thread is not None and not message.broadcast:
            message = None  # only its thread shows it
        return _Line(place or stored.seq, message, len(stored.data))
