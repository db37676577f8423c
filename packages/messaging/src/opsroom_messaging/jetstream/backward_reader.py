"""Reading the messages of a subject from the newest back.

The broker reads forwards only. But it reports with each message how many of the subject follow, so the place
from which to read is found by counting. What other subjects of the stream have stored costs nothing.
"""

from typing import Self

from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

BATCH = 100
"""Messages of one read. The largest take 9 MB together."""
_WIDEN = 4
_WINDOW_MAX = 2000
"""More messages in one window than that were not counted: they are being stored meanwhile."""


class BackwardReader:
    """Reads windows of messages, each before the one read last.

    Attributes:
        first: the first sequence of the stream.
        end: everything from here on was read.
    """

    def __init__(self, reader: StreamReader, subject: str, first: int, end: int) -> None:
        self.first = first
        self.end = end
        self._reader = reader
        self._subject = subject
        self._is_counted = False

    @classmethod
    async def before(cls, reader: StreamReader, subject: str, before: int | None) -> Self:
        """Start before sequence ``before``, or at the end of the stream.

        Raises:
            UnavailableError: the broker did not reply.
        """
        bounds = await reader.bounds()
        end = bounds.last + 1 if before is None else min(bounds.last + 1, before)
        return cls(reader, subject, bounds.first, end)

    @property
    def has_more(self) -> bool:
        """Whether the stream has anything before :attr:`end`; it may be of other subjects."""
        return self.end > self.first

    async def window(self, wanted: int) -> list[StreamMessage]:
        """The messages before :attr:`end`, ascending: about ``wanted``, at most ``BATCH``, if there are any.

        The first window can have none although there are earlier ones.

        Raises:
            UnavailableError: the broker did not reply.
        """
        wanted = min(wanted, BATCH)
        if self._is_counted:
            start, expected = await self._start_before(wanted)
        else:
            # In the usual case the newest messages of the stream are of the subject, and need not be counted.
            start = max(self.first, self.end - wanted)
            expected = self.end - start
        self._is_counted = True
        found = await self._read(start, expected)
        self.end = min(start, self.end)
        return found

    async def _start_before(self, wanted: int) -> tuple[int, int]:
        """Find where to start reading to get at least ``wanted`` messages, and not many more.

        Returns the sequence, and how many messages there are; fewer only if it is ``first``.
        """
        behind = await self._reader.count(self._subject, start=self.end)
        start, too_late, width = self.end, self.end, wanted
        found = 0
        while found < wanted and start > self.first:
            start, too_late, width = max(self.first, self.end - width), start, width * _WIDEN
            found = await self._reader.count(self._subject, start=start) - behind
        while found > 2 * wanted and too_late - start > 1:
            middle = (start + too_late) // 2
            inside = await self._reader.count(self._subject, start=middle) - behind
            if inside < wanted:
                too_late = middle
            else:
                start, found = middle, inside
        return start, found

    async def _read(self, start: int, expected: int) -> list[StreamMessage]:
        """Return all messages from ``start`` to before ``end``, of which about ``expected`` are expected."""
        found: list[StreamMessage] = []
        while start < self.end:
            if len(found) > _WINDOW_MAX:
                raise UnavailableError("far more messages than were counted; try again")
            count = max(1, min(expected - len(found), BATCH))
            batch = await self._reader.page(self._subject, start=start, count=count)
            found += [stored for stored in batch if stored.seq < self.end]
            if len(batch) < count:
                break
            start = batch[-1].seq + 1
        return found
