"""The records of files, in the stream of messages: they change in one batch with their message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsroom_chat.domain import files as rules
from opsroom_contracts.chat.files import FILE_RECORD, File, FileRecord, FileState
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import file_subject
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write, WritePublisher

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of a message, and what is stored in one batch with it."""

    files: tuple[File, ...]
    writes: tuple[Write, ...]


class FileRecords:
    """Reads and changes records. ``pending_seconds``: how long one is kept that no message refers to."""

    def __init__(self, reader: StreamReader, publisher: WritePublisher, pending_seconds: int) -> None:
        self._reader = reader
        self._publisher = publisher
        self._pending_seconds = pending_seconds

    async def find(self, file_id: str) -> FileRecord | None:
        """Return the record of a file.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored the record.
        """
        record, _ = await self._read(file_id)
        return record

    async def change(
        self, file_id: str, decide: Callable[[FileRecord | None], FileRecord | None]
    ) -> FileRecord | None:
        """Store what ``decide`` returns for the record, if it returns one; return the record after that.

        Raises:
            FaultError: that of ``decide``; ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not reply.
        """
        for _ in range(_ATTEMPTS):
            record, seq = await self._read(file_id)
            changed = decide(record)
            if changed is None:
                return record
            try:
                await self._publisher.store(self._write(changed, seq))
            except ConflictError:
                continue
            return changed
        raise refuse(ErrorCode.UNAVAILABLE, "this file is being changed by other requests; try again")

    async def attach(self, ids: Sequence[str], user_id: str, room: str, message_id: str) -> Attached:
        """Return the files that a message refers to. Two messages can't get the same one.

        Raises:
            FaultError: ``file_unknown``.
            UnavailableError: the broker did not reply.
        """
        files: list[File] = []
        writes: list[Write] = []
        for file_id in dict.fromkeys(ids):
            record, seq = await self._read(file_id)
            if record is None or record.file is None:
                raise rules.unknown(file_id, field="files")
            changed = rules.send(record, user_id, room, message_id)
            files.append(record.file)
            if changed is not None:
                writes.append(self._write(changed, seq))
        return Attached(tuple(files), tuple(writes))

    async def removals(self, ids: Sequence[str]) -> tuple[Write, ...]:
        """Return what is stored with the tombstone of a message that refers to these files.

        Raises:
            UnavailableError: the broker did not reply.
        """
        records = [await self.find(file_id) for file_id in ids]
        return tuple(self._write(rules.remove(record), None) for record in records if record is not None)

    def _write(self, record: FileRecord, expected: int | None) -> Write:
        ttl = None if record.state is FileState.SENT else self._pending_seconds
        return Write(file_subject(record.id), encode(record), expected=expected, ttl=ttl, replaces=True)

    async def _read(self, file_id: str) -> tuple[FileRecord | None, int]:
        stored = await self._reader.last(file_subject(file_id))
        if stored is None:
            return None, 0
        try:
            return FILE_RECORD.read(stored.data), stored.seq
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None, stored.seq
