"""Removal of messages in two steps: store a tombstone, then erase the text from disk.

A pending erasure is stored atomically with the tombstone, so that another process can complete the erasure
after a crash between the two steps.
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
_BATCH_SIZE = 100

log = logging.getLogger(__name__)


class MessageRemoval:
    """Handler of ``chat.remove``; also completes pending erasures of crashed processes."""

    def __init__(
        self, reader: StreamReader, writer: BatchWriter, eraser: SecureDeleter, *, clock: Clock
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._eraser = eraser
        self._clock = clock

    async def remove(self, request: RemoveRequest) -> RemoveReply:
        """Remove a message; returns once its text is erased.

        Raises:
            FaultError: ``message_unknown``; ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        subject = message_subject(request.room, request.id)
        for _ in range(_ATTEMPTS):
            stored = await self._reader.last(subject)
            if stored is None:
                raise _not_found(request)
            event = _read(stored, request)
            if isinstance(event, MessageRemoved):
                await self._finish(await self._reader.last(erasure_subject(event.id)))
                return RemoveReply(seq=stored.seq, id=event.id, room=event.room)
            removed = removal_of(event, stored.seq, self._clock())
            erasure = Erasure(room=event.room, id=event.id, message_seq=stored.seq)
            try:
                seq, erasure_seq = await self._writer.write(
                    Write(subject, encode(removed), expected=stored.seq),
                    Write(erasure_subject(event.id), encode(erasure)),
                )
            except ConflictError:
                continue  # a concurrent request removed it
            await self._erase(erasure, erasure_seq)
            return RemoveReply(seq=seq, id=event.id, room=event.room)
        raise refuse(ErrorCode.UNAVAILABLE, "this message is being changed by other requests; try again")

    async def finish(self) -> None:
        """Complete all pending erasures.

        Raises:
            UnavailableError: the broker did not respond.
        """
        if await self._reader.last(CHAT_ERASURES) is None:
            return  # the usual case, without reading a page
        start = 1
        while page := await self._reader.page(CHAT_ERASURES, start=start, count=_BATCH_SIZE):
            for stored in page:
                await self._finish(stored)
            start = page[-1].seq + 1

    async def _finish(self, stored: StreamMessage | None) -> None:
        if stored is None:
            return
        try:
            await self._erase(ERASURE.read(stored.data), stored.seq)
        except NewerVersionError:
            log.info("left %s to a process of a newer release", stored.subject)
        except ContractError:
            log.warning("dropped a malformed erasure on %s", stored.subject)
            await self._eraser.erase(stored.seq)

    async def _erase(self, erasure: Erasure, erasure_seq: int) -> None:
        await self._eraser.erase(erasure.message_seq)
        await self._eraser.erase(erasure_seq)


def _not_found(request: RemoveRequest) -> FaultError:
    message = f"there is no message {request.id} in room {request.room}"
    return refuse(ErrorCode.MESSAGE_UNKNOWN, message, field="id")


def _read(stored: StreamMessage, request: RemoveRequest) -> MessageEvent | MessageRemoved:
    try:
        return CHAT_EVENT.read(stored.data)
    except NewerVersionError as error:
        raise UnavailableError(f"{stored.subject}: {error}") from error
    except ContractError:
        raise _not_found(request) from None
