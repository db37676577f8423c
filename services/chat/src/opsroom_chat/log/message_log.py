"""Finding a message by its id, and writing its events."""

from dataclasses import dataclass

from opsroom_chat.log.keys import message_key, stored_key
from opsroom_chat.log.log_writer import Append, IndexLostError, LogWriter
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

    async def append(
        self, room: str, message_id: str, payload: bytes, *others: Write, expected: int | None = None
    ) -> tuple[int, ...]:
        """Store an event of a message, and ``others`` atomically with it; return their sequences.

        ``expected``: the sequence of the message's last event as the index has it; None: there must be none.

        Raises:
            StoredError: it has another last event.
            OverloadedError, UnavailableError, NoRoomError, RejectedError: as ``LogWriter.append``.
        """
        key, subject = message_key(room, message_id), message_subject(room, message_id)
        attempt = 1
        while True:
            generation = self._index.generation
            if not self._index.synced:
                await self._add_former(room, message_id, key)
            append = Append(subject, key, payload, generation, expected)
            try:
                return await self._writer.append(append, *others)
            except IndexLostError:
                if attempt == _ATTEMPTS:
                    raise
            attempt += 1

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
            self._index.add(((key, former.seq),))
