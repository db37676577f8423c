"""Finding a message by its id, and writing its events."""

from collections.abc import Sequence
from dataclasses import dataclass

from opsroom_chat.log.append import Append, Condition, IndexLostError, Outcome
from opsroom_chat.log.keys import message_key, stored_key
from opsroom_chat.log.log_writer import LogWriter
from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.shard_reader import ShardReader
from opsroom_contracts.subjects import former_message_subject, message_subject
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_ATTEMPTS = 3
"""The index is lost at most once at a start, and rarely afterwards."""


@dataclass(frozen=True, slots=True)
class Found:
    """The last event of a message.

    Attributes:
        indexed: its sequence as the index has it.
        stored: the event; None: it was never stored, or the stream has dropped it.
    """

    indexed: int | None
    stored: StreamMessage | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to store.

    Attributes:
        message_id: the message that it belongs to.
        others: writes that are stored atomically with it.
        expected: the sequence of the message's last event as the index has it; None: there must be none.
        key: what the event belongs to, if it is not the message itself; ``expected`` is then about that.
        conditions: sequences of the last events of other keys, as the index has them.
        subject: where it is stored, if not with the message. What other processes store about the message
            at the same moment is then not noticed.
    """

    room: str
    message_id: str
    payload: bytes
    others: tuple[Write, ...] = ()
    expected: int | None = None
    key: bytes | None = None
    conditions: tuple[Condition, ...] = ()
    subject: str | None = None


class MessageLog:
    """The messages by their ids."""

    def __init__(
        self, reader: StreamReader, index: MessageIndex, shards: ShardReader, writer: LogWriter
    ) -> None:
        self._reader = reader
        self._index = index
        self._shards = shards
        self._writer = writer

    async def find(self, room: str, message_id: str) -> Found:
        """Return the last event of a message; one that another process has just stored is found, too.

        Raises:
            UnavailableError: the broker did not respond.
        """
        key = message_key(room, message_id)
        found = await self._indexed(key)
        if found.stored is None:
            await self._complete(room, message_id, key)
            found = await self._indexed(key)
        return found

    async def refresh(self, room: str, message_id: str, *others: str) -> None:
        """Read what other processes have stored on the message's shard, and on ``others``.

        Raises:
            UnavailableError: the broker did not respond.
        """
        for subject in (*others, message_subject(room, message_id)):
            await self._shards.complete(subject)

    def last(self, key: bytes) -> int | None:
        """Return the sequence of the last event with this key, as far as it is known."""
        return self._index.find(key)

    async def append(self, event: NewEvent) -> tuple[int, ...]:
        """Store an event of a message and its other writes; return their sequences.

        Raises:
            StoredError: the message has another last event.
            OverloadedError, UnavailableError, NoRoomError, RejectedError: as ``LogWriter.append``.
        """
        (outcome,) = await self.append_all((event,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def append_all(self, events: Sequence[NewEvent]) -> list[Outcome]:
        """Store events of different messages in this order, each with the outcome that ``append`` has.

        Raises:
            OverloadedError, UnavailableError, NoRoomError: as ``LogWriter.append_all``.
        """
        outcomes: dict[int, Outcome] = {}
        left = list(range(len(events)))
        for _ in range(_ATTEMPTS):
            generation = self._index.generation
            appends = [await self._to_append(events[place], generation) for place in left]
            for place, outcome in zip(left, await self._writer.append_all(appends), strict=True):
                outcomes[place] = outcome
            left = [place for place in left if isinstance(outcomes[place], IndexLostError)]
            if not left:
                break
        return [outcomes[place] for place in range(len(events))]

    async def _to_append(self, event: NewEvent, generation: int) -> Append:
        message = message_key(event.room, event.message_id)
        if not self._index.synced:
            await self._add_former(event.room, event.message_id, message)
        subject = event.subject or message_subject(event.room, event.message_id)
        key = event.key or message
        return Append(subject, key, event.payload, generation, event.expected, event.others, event.conditions)

    async def _indexed(self, key: bytes) -> Found:
        seq = self._index.find(key)
        stored = None if seq is None else await self._reader.at(seq)
        is_of_message = stored is not None and stored_key(stored.subject, stored.data) == key
        return Found(seq, stored if is_of_message else None)

    async def _complete(self, room: str, message_id: str, key: bytes) -> None:
        """Add the message to the index if it is stored."""
        await self._shards.complete(message_subject(room, message_id))
        await self._add_former(room, message_id, key)

    async def _add_former(self, room: str, message_id: str, key: bytes) -> None:
        """Add the message to the index if a release before decision 0050 stored it."""
        former = await self._reader.last(former_message_subject(room, message_id))
        if former is not None:
            self._index.add(key, former.seq)
