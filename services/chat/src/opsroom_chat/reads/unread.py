"""Counting what people have not read."""

from typing import NamedTuple

from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.posts import Query, RoomCounts
from opsroom_contracts.chat.reads import UNREAD_MAX
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SECONDS = 2.0


class StreamPlace(NamedTuple):
    """A place in the stream of messages; None: it is not known."""

    seq: int | None
    epoch: str | None


class UnreadCounter:
    """Counts messages with the index, which has what its subscription has delivered."""

    def __init__(self, index: MessageIndex, subscription: StreamSubscription, reader: StreamReader) -> None:
        self._index = index
        self._subscription = subscription
        self._reader = reader

    @property
    def head(self) -> int | None:
        """The sequence up to which messages are counted; None: the index is being built."""
        return self._subscription.last_seq if self._index.synced else None

    @property
    def place(self) -> StreamPlace:
        """The sequence up to which messages are counted, with its epoch."""
        return StreamPlace(self.head, self.epoch)

    @property
    def epoch(self) -> str | None:
        """The epoch of the messages' sequences."""
        return self._subscription.epoch

    async def reach(self, seq: int, field: str) -> int:
        """Wait until messages up to ``seq`` are counted; return up to which they are.

        Raises:
            FaultError: ``invalid_request``: there is no such message, so ``field`` is wrong.
            UnavailableError: this process is too far behind.
        """
        if not self._index.synced:
            raise UnavailableError("the message index is being built; try again")
        if seq > self._subscription.last_seq:
            last = await self._reader.last(CHAT_EVENTS)
            end = 0 if last is None else last.seq
            if seq > end:
                message = f"{field}: {seq} is after the last message, {end}"
                raise refuse(ErrorCode.INVALID_REQUEST, message, field=field)
            if not await self._subscription.wait_for(seq, _SECONDS):
                raise UnavailableError("this process has not seen the latest messages yet; try again")
        return self._subscription.last_seq

    async def end_before(self, seq: int) -> int | None:
        """Return the last sequence of the stream if ``seq`` is after it; None: it is not.

        A position after the end is one of another life of the stream, which was restored alone. This process
        may be behind, so the stream is asked.

        Raises:
            UnavailableError: the broker did not reply.
        """
        if seq <= (self.head or 0):
            return None
        end = (await self._reader.bounds()).last
        return end if seq > end else None

    def check_epoch(self, epoch: str | None) -> None:
        """Make sure that the stream is still the one that it was at ``epoch``.

        Raises:
            UnavailableError: it has been replaced: sequences from before may stand for other messages.
        """
        if self.epoch != epoch:
            raise UnavailableError("the messages have just been replaced; try again")

    async def end(self) -> int:
        """Return up to which sequence messages are counted, or if that is not known, the last sequence.

        Raises:
            UnavailableError: the broker did not reply.
        """
        head = self.head
        if head is not None:
            return head
        last = await self._reader.last(CHAT_EVENTS)
        return 0 if last is None else last.seq

    def count(self, room: str, after: int | None, until: int, user_id: str) -> RoomCounts:
        """Count messages of others in ``room`` after ``after`` and up to ``until``; None: no position.

        Raises:
            UnavailableError: the index is being built.
        """
        return self._index.count(Query(room, user_id, after, until, UNREAD_MAX))
