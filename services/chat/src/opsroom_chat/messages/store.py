"""The stored events of messages, and their replacement.

A replacement has two steps: store the new event, then erase the old text from disk. A pending erasure is
stored atomically with the new event, so that another process can complete it after a crash in between.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from opsroom_chat.domain.changes import unknown
from opsroom_chat.files.deletion import FileDeletion
from opsroom_chat.files.records import FileRecords
from opsroom_chat.log.append import StoredError
from opsroom_chat.log.keys import message_key, stored_key
from opsroom_chat.log.message_log import MessageLog, NewEvent
from opsroom_contracts.chat.events import (
    MESSAGE_STATE,
    MessageEvent,
    MessageRemoved,
    MessageState,
    stored_form,
)
from opsroom_contracts.chat.files import File
from opsroom_contracts.chat.moderation import ERASURE, Erasure
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import CHAT_ERASURES, PROBE_ID, erasure_subject
from opsroom_messaging.errors import MessagingError, UnavailableError
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_ATTEMPTS = 5
_BATCH_SIZE = 100
_NO_WRITES: Final[Mapping[str, tuple[Write, ...]]] = MappingProxyType({})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredChatEvent:
    """The last event of a message, and its sequence in ``CHAT``."""

    seq: int
    event: MessageState


Added = int | StreamMessage | Exception
"""The sequence of a new message; its last event if it is stored already; or why it could not be stored."""

Change = Callable[[StoredChatEvent], MessageState | None]
"""Returns the event that replaces the stored one; None if nothing is left to change. It may raise a fault."""


@dataclass(frozen=True, slots=True)
class FilesOfMessages:
    """What becomes of the files of a removed message: their records, and their bytes."""

    records: FileRecords
    deletion: FileDeletion


class MessageStore:
    """Writes the events of messages; also completes pending erasures of crashed processes."""

    def __init__(
        self, reader: StreamReader, messages: MessageLog, eraser: SecureDeleter, files: FilesOfMessages
    ) -> None:
        self._reader = reader
        self._log = messages
        self._eraser = eraser
        self._files = files

    async def find(self, room: str, message_id: str) -> StreamMessage | None:
        """Return the last event of a message as it is stored; None: the stream has none.

        Raises:
            UnavailableError: the broker did not respond.
        """
        found = await self._log.find(room, message_id)
        return found.stored

    async def add(self, event: MessageEvent, others: tuple[Write, ...] = ()) -> int | StreamMessage:
        """Store a new message. Returns its sequence, or its last event if it is stored already.

        ``others``: what is stored in one batch with it.

        Raises:
            FaultError: ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not respond.
        """
        (added,) = await self.add_all((event,), {event.id: others})
        if isinstance(added, Exception):
            raise added
        return added

    async def add_all(
        self, events: Sequence[MessageEvent], others: Mapping[str, tuple[Write, ...]] = _NO_WRITES
    ) -> list[Added]:
        """Store different new messages in this order; return for each what ``add`` returns or raises.

        ``others``: by the ids of messages, what is stored in one batch with them.

        Raises:
            UnavailableError: the broker did not respond; some may be stored.
        """
        added: dict[int, Added] = {}
        expected: dict[int, int | None] = {}
        left = list(range(len(events)))
        for _ in range(_ATTEMPTS):
            if not left:
                break
            new = [
                _new_event(event, expected.get(place), others.get(event.id, ()))
                for place, event in ((place, events[place]) for place in left)
            ]
            try:
                outcomes = await self._log.append_all(new)
            except MessagingError as error:
                return [added.get(place, error) for place in range(len(events))]
            dropped: list[int] = []
            for place, outcome in zip(left, outcomes, strict=True):
                if not isinstance(outcome, StoredError):
                    added[place] = outcome if isinstance(outcome, Exception) else outcome[0]
                    continue
                found = await self._log.find(events[place].room, events[place].id)
                if found.stored is not None:
                    added[place] = found.stored
                else:
                    expected[place] = found.indexed  # the stream has dropped it
                    dropped.append(place)
            left = dropped
        conflict = refuse(ErrorCode.UNAVAILABLE, "the message could not be stored; try again")
        return [added.get(place, conflict) for place in range(len(events))]

    async def replace(self, room: str, message_id: str, change: Change) -> tuple[StoredChatEvent, bool]:
        """Replace the last event of a message.

        Returns the current event once the text before it is erased, and whether this call stored it.

        Raises:
            FaultError: ``message_unknown``; ``unavailable`` after too many conflicts; a fault of ``change``.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        for _ in range(_ATTEMPTS):
            stored = await self.last(room, message_id)
            event = change(stored)
            if event is None:
                await self._finish(await self._reader.last(erasure_subject(message_id)))
                return stored, False
            files = _dropped_files(stored.event, event)
            erasure = Erasure(room=room, id=message_id, message_seq=stored.seq, files=files)
            others = (
                Write(erasure_subject(message_id), encode(erasure.stored())),
                *await self._files.records.removals(files),
            )
            try:
                seq, erasure_seq, *_ = await self._log.append(
                    NewEvent(room, message_id, encode(stored_form(event)), others, expected=stored.seq)
                )
            except StoredError:
                continue  # a concurrent request changed it
            await self._erase(erasure, erasure_seq)
            return StoredChatEvent(seq, event), True
        raise refuse(ErrorCode.UNAVAILABLE, "this message is being changed by other requests; try again")

    async def last(self, room: str, message_id: str) -> StoredChatEvent:
        """Return the last event of a message.

        Raises:
            FaultError: ``message_unknown``.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        stored = await self.find(room, message_id)
        if stored is None:
            raise unknown(room, message_id)
        try:
            return StoredChatEvent(stored.seq, MESSAGE_STATE.read(stored.data))
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            raise unknown(room, message_id) from None

    async def finish_erasures(self) -> None:
        """Complete all pending erasures. One that fails doesn't stop the others.

        Raises:
            UnavailableError: the broker did not respond, or at least one erasure failed.
        """
        if await self._reader.last(CHAT_ERASURES) is None:
            return  # the usual case, without reading a page
        start = 1
        failures: list[str] = []
        while page := await self._reader.page(CHAT_ERASURES, start=start, count=_BATCH_SIZE):
            for stored in page:
                try:
                    await self._finish(stored)
                except UnavailableError as error:
                    failures.append(str(error))
            start = page[-1].seq + 1
        if failures:
            raise UnavailableError(f"{len(failures)} erasures failed, the first one: {failures[0]}")

    async def _finish(self, stored: StreamMessage | None) -> None:
        if stored is None or stored.subject == erasure_subject(PROBE_ID):
            return
        try:
            erasure = ERASURE.read(stored.data)
        except NewerVersionError:
            log.info("left %s to a process of a newer release", stored.subject)
            return
        except ContractError:
            reason: str | None = "it is malformed"
        else:
            reason = await self._why_invalid(erasure, stored)
        if reason is None:
            await self._erase(erasure, stored.seq)
        else:
            log.warning("dropped an erasure on %s: %s", stored.subject, reason)
            await self._eraser.erase(stored.seq)

    async def _why_invalid(self, erasure: Erasure, stored: StreamMessage) -> str | None:
        """Why ``erasure`` must not be carried out; None if it is valid.

        Only this service and the operator can store one, but what it names would be lost.
        """
        if stored.subject != erasure_subject(erasure.id):
            return f"it names message {erasure.id}"
        if erasure.message_seq > stored.seq:
            return f"sequence {erasure.message_seq} did not exist when it was stored"
        text = await self._reader.at(erasure.message_seq)
        if text is None:
            return None  # it is erased already
        if stored_key(text.subject, text.data) != message_key(erasure.room, erasure.id):
            return f"sequence {erasure.message_seq} is not of that message"
        last = await self.find(erasure.room, erasure.id)
        if last is not None and last.seq == text.seq:
            return f"no event has replaced sequence {erasure.message_seq}"
        return None

    async def _erase(self, erasure: Erasure, erasure_seq: int) -> None:
        await self._eraser.erase(erasure.message_seq)
        await self._files.deletion.erase(erasure.files)
        await self._eraser.erase(erasure_seq)


def _new_event(event: MessageEvent, expected: int | None, others: tuple[Write, ...]) -> NewEvent:
    return NewEvent(event.room, event.id, encode(event), others, expected=expected)


def _dropped_files(before: MessageState, after: MessageState) -> tuple[str, ...]:
    """Return the ids of the files that a message loses."""
    kept = {file.id for file in _files_of(after)}
    return tuple(file.id for file in _files_of(before) if file.id not in kept)


def _files_of(event: MessageState) -> tuple[File, ...]:
    return () if isinstance(event, MessageRemoved) else event.files or ()
