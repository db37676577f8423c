"""Which process pushes which messages: each takes a part of the stream, and nobody takes it again.

All processes share one position. Who moves it, guarded by the sequence of its record, pushes what is between
the old and the new one. So the broker decides, durably, and a message is never taken twice, however processes
or the broker crash. What a process has taken and not pushed when it is killed is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from opsroom_chat.push.records import NotificationRecords
from opsroom_contracts.chat.notifications import PushPosition
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_PAGE: Final = 200
_BEHIND_MAX: Final = 5_000
"""If the position is further behind, no process was there for long: it jumps, since nobody wants old news."""
_TURN_SECONDS: Final = 1.0
"""Others leave the next messages to the process that took the last ones, and take over after this long."""


class Messages(Protocol):
    """What a process has seen of the stream of messages."""

    @property
    def last_seq(self) -> int:
        """The last sequence."""

    @property
    def epoch(self) -> str | None:
        """The epoch of the sequences."""

    async def wait_for(self, seq: int, timeout: float) -> bool:
        """Wait until the stream has a sequence; False after ``timeout`` seconds."""


class Claims:
    """Takes messages for one process. ``holder``: its id."""

    def __init__(
        self,
        records: NotificationRecords,
        reader: StreamReader,
        messages: Messages,
        holder: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._records = records
        self._reader = reader
        self._messages = messages
        self._holder = holder
        self._sleep = sleep
        self._is_holder = False
        self._known = 0
        """The position as far as this process knows."""

    async def begin(self) -> None:
        """See to it that there is a position: messages from now on can be taken.

        Raises:
            UnavailableError: the broker did not reply.
        """
        record, seq = await self._records.position()
        if record is None or record.epoch != self._messages.epoch:
            await self._move(self._messages.last_seq, seq)

    async def take(self, seconds: float) -> list[StreamMessage]:
        """Wait up to ``seconds`` for messages, and take some; none if there are none, or another takes them.

        Raises:
            UnavailableError: the broker did not reply. What was being taken is lost.
        """
        if not await self._messages.wait_for(self._known + 1, seconds):
            self._known = min(self._known, self._messages.last_seq)
            return []
        if not self._is_holder:
            await self._sleep(_TURN_SECONDS)
        record, seq = await self._records.position()
        last = self._messages.last_seq
        if record is None or record.epoch != self._messages.epoch:
            await self._move(last, seq)
            return []
        self._known, self._is_holder = record.seq, record.holder == self._holder
        start = max(record.seq, last - _BEHIND_MAX)
        page = [] if start >= last else await self._reader.page(CHAT_EVENTS, start=start + 1, count=_PAGE)
        if not page or not await self._move(page[-1].seq, seq):
            return []
        return page

    async def _move(self, to: int, expected: int) -> bool:
        """Move the position; False: another process has done so."""
        position = PushPosition(epoch=self._messages.epoch, seq=to, holder=self._holder)
        if not await self._records.move(position, expected):
            self._is_holder = False
            return False
        self._known, self._is_holder = to, True
        return True
