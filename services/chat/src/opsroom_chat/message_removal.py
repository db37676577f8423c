"""Removing messages: what takes a message's place is stored first, then its text is erased.

In the same step as the first it is stored that the second is still to be done, so that whoever lives on
after a crash between the two does it.
"""

import logging

from opsroom_chat.domain.moderation import removal_of
from opsroom_chat.presence_handlers import Clock
from opsroom_contracts.chat_events import CHAT_EVENT, MessageEvent, MessageRemoved
from opsroom_contracts.codec import ContractError, encode
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.moderation import ERASURE, Erasure, RemoveReply, RemoveRequest
from opsroom_contracts.subjects import CHAT_ERASURES, erasure_subject, message_subject
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter, Write
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_ATTEMPTS = 5
_AT_ONCE = 100

log = logging.getLogger(__name__)


class MessageRemoval:
    """Answers ``chat.remove``, and finishes what others began."""

    def __init__(
        self, reader: StreamReader, writer: BatchWriter, eraser: SecureDeleter, *, clock: Clock
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._eraser = eraser
        self._clock = clock

    async def remove(self, request: RemoveRequest) -> RemoveReply:
        """Remove a message; answers once nothing of it is left.

        Raises:
            FaultError: ``message_unknown``; ``unavailable``, where a newer release stored it.
        """
        subject = message_subject(request.room, request.id)
        for _ in range(_ATTEMPTS):
            stored = await self._reader.last(subject)
            if stored is None:
                raise _unknown(request)
            event = _read(stored, request)
            if isinstance(event, MessageRemoved):
                await self._finish(await self._reader.last(erasure_subject(event.id)))
                return RemoveReply(seq=stored.seq, id=event.id, room=event.room)
            removed = removal_of(event, stored.seq, self._clock())
            todo = Erasure(room=event.room, id=event.id, message_seq=stored.seq)
            try:
                seq, todo_seq = await self._writer.write(
                    Write(subject, encode(removed), expected=stored.seq),
                    Write(erasure_subject(event.id), encode(todo)),
                )
            except ConflictError:
                continue  # somebody else removes it at this moment
            await self._erase(todo, todo_seq)
            return RemoveReply(seq=seq, id=event.id, room=event.room)
        raise refuse(ErrorCode.UNAVAILABLE, "others change this message at this moment; try again")

    async def finish(self) -> None:
        """Erase what was removed and not erased.

        Raises:
            UnavailableError: the broker did not answer.
        """
        if await self._reader.last(CHAT_ERASURES) is None:
            return  # as nearly always
        start = 1
        while page := await self._reader.page(CHAT_ERASURES, start=start, count=_AT_ONCE):
            for stored in page:
                await self._finish(stored)
            start = page[-1].seq + 1

    async def _finish(self, stored: StreamMessage | None) -> None:
        if stored is None:
            return
        try:
            await self._erase(ERASURE.read(stored.data), stored.seq)
        except NewerVersionError:
            log.info("%s is left to a newer release", stored.subject)
        except ContractError:
            log.warning("dropped what is no erasure on %s", stored.subject)
            await self._eraser.erase(stored.seq)

    async def _erase(self, todo: Erasure, todo_seq: int) -> None:
        await self._eraser.erase(todo.message_seq)
        await self._eraser.erase(todo_seq)


def _unknown(request: RemoveRequest) -> FaultError:
    words = f"there is no message {request.id} in room {request.room}"
    return refuse(ErrorCode.MESSAGE_UNKNOWN, words, field="id")


def _read(stored: StreamMessage, request: RemoveRequest) -> MessageEvent | MessageRemoved:
    try:
        return CHAT_EVENT.read(stored.data)
    except NewerVersionError as error:
        raise UnavailableError(f"{stored.subject}: {error}") from error
    except ContractError:
        raise _unknown(request) from None
