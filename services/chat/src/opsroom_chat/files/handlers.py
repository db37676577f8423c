"""Handlers of the requests about files. The bytes go from a gateway to the store, past this service."""

from opsroom_chat.changes.people import People
from opsroom_chat.domain import files as rules
from opsroom_chat.files.records import FileRecords
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts import endpoints
from opsroom_contracts.chat.files import (
    BeginFileReply,
    BeginFileRequest,
    CancelFileReply,
    CancelFileRequest,
    FileRecord,
    FileReply,
    FileRequest,
    FileState,
    FinishFileReply,
    FinishFileRequest,
)
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.files.store import FileStore


class FileHandlers:
    """Handlers of ``chat.begin-file``, ``chat.finish-file``, ``chat.cancel-file`` and ``chat.file``."""

    def __init__(self, records: FileRecords, store: FileStore, people: People, access: RoomAccess) -> None:
        self._records = records
        self._store = store
        self._people = people
        self._access = access

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.BEGIN_FILE, self.begin)
        service.add(endpoints.FINISH_FILE, self.finish)
        service.add(endpoints.CANCEL_FILE, self.cancel)
        service.add(endpoints.FILE, self.find)

    async def begin(self, request: BeginFileRequest) -> BeginFileReply:
        """Store the record of a file, before its first byte.

        Raises:
            FaultError: as for a message: ``room_unknown``, ``forbidden``, ``user_unknown``, ``muted``,
                ``banned``; and ``idempotency_mismatch``, ``file_unknown``.
        """
        await self._people.may_send(request.user_id, request.room)
        record = await self._records.change(request.id, lambda record: rules.begin(record, request))
        return BeginFileReply(file=None if record is None else record.file)

    async def finish(self, request: FinishFileRequest) -> FinishFileReply:
        """Note that all bytes are stored. Only the sender sees the file, until a message refers to it.

        Raises:
            FaultError: ``file_unknown``: the upload was cancelled, or took too long.
        """
        record = await self._records.change(request.id, lambda record: rules.finish(record, request))
        if record is None or record.file is None:
            raise rules.unknown(request.id)
        if record.attempt != request.attempt:
            await self._store.delete(request.id, request.attempt)
        return FinishFileReply(file=record.file)

    async def cancel(self, request: CancelFileRequest) -> CancelFileReply:
        """Delete the bytes of an attempt, unless it was finished."""

        def decide(record: FileRecord | None) -> FileRecord | None:
            is_of_attempt = record is not None and record.attempt == request.attempt
            return rules.remove(record) if record and is_of_attempt and is_uploading(record) else None

        record = await self._records.change(request.id, decide)
        if rules.is_garbage(record, request.attempt) or (record is not None and is_uploading(record)):
            await self._store.delete(request.id, request.attempt)
        return CancelFileReply()

    async def find(self, request: FileRequest) -> FileReply:
        """Return a file that a person may read at this moment.

        Raises:
            FaultError: ``file_unknown``: there is none, or they may not read it.
        """
        record = await self._records.find(request.id)
        if record is None or record.file is None or record.digest is None:
            raise rules.unknown(request.id)
        await self._check_may_read(record, request.user_id)
        return FileReply(file=record.file, attempt=record.attempt, digest=record.digest)

    async def _check_may_read(self, record: FileRecord, user_id: str | None) -> None:
        if record.state is FileState.READY and record.user_id == user_id:
            return
        if record.state is not FileState.SENT:
            raise rules.unknown(record.id)
        try:
            await self._access.check_may_read(user_id, record.room)
        except FaultError as error:
            if error.fault.code is ErrorCode.ROOM_UNKNOWN:
                raise rules.unknown(record.id) from None  # the reply must not show that it exists
            raise


def is_uploading(record: FileRecord) -> bool:
    """Return whether the bytes of the file are not complete."""
    return record.state is FileState.UPLOADING
