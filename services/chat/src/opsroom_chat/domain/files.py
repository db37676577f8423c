"""Rules of a file's life: uploading, ready, sent with a message, removed. Pure functions."""

from opsroom_contracts.chat.files import (
    BeginFileRequest,
    File,
    FileRecord,
    FileState,
    FinishFileRequest,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import copy_fields
from opsroom_contracts.text import clean_file_name

COMPLETE = frozenset({FileState.READY, FileState.SENT})


def unknown(file_id: str, *, field: str | None = None) -> FaultError:
    """Return the refusal of a request for a file that is not there, or that this person may not see."""
    return refuse(ErrorCode.FILE_UNKNOWN, f"there is no file {file_id}", field=field)


def begin(record: FileRecord | None, request: BeginFileRequest) -> FileRecord | None:
    """Return the record of a file whose upload begins; None: it is complete already.

    Raises:
        FaultError: ``idempotency_mismatch``: the same key was used for another room or name.
            ``file_unknown``: its message was removed.
    """
    name = clean_file_name(request.name)
    if record is not None:
        if (record.user_id, record.room, record.name) != (request.user_id, request.room, name):
            message = "this idempotency key was used for another file"
            raise refuse(ErrorCode.IDEMPOTENCY_MISMATCH, message)
        if record.state is FileState.REMOVED and record.message_id is not None:
            raise unknown(request.id)
        if record.state in COMPLETE:
            return None
    return FileRecord(
        id=request.id,
        room=request.room,
        user_id=request.user_id,
        name=name,
        state=FileState.UPLOADING,
        attempt=request.attempt,
    )


def finish(record: FileRecord | None, request: FinishFileRequest) -> FileRecord | None:
    """Return the record of a complete file; None: another attempt has completed it.

    Raises:
        FaultError: ``file_unknown``: the upload was cancelled, or took too long.
    """
    if record is None or record.user_id != request.user_id or record.state is FileState.REMOVED:
        raise unknown(request.id)
    if record.state in COMPLETE:
        return None
    return record.model_copy(
        update={
            "state": FileState.READY,
            "attempt": request.attempt,
            "digest": request.digest,
            "file": copy_fields(request, File, name=record.name),
        }
    )


def send(record: FileRecord | None, user_id: str, room: str, message_id: str) -> FileRecord | None:
    """Return the record of a file that a message refers to; None: it does already.

    Raises:
        FaultError: ``file_unknown``: it is not a complete file of this person for this room, or another
            message refers to it.
    """
    if record is None or record.file is None or (record.user_id, record.room) != (user_id, room):
        raise unknown("" if record is None else record.id, field="files")
    if record.state is FileState.SENT and record.message_id == message_id:
        return None
    if record.state is not FileState.READY:
        raise unknown(record.id, field="files")
    return record.model_copy(update={"state": FileState.SENT, "message_id": message_id})


def remove(record: FileRecord) -> FileRecord:
    """Return the record of a file that nobody may read any more."""
    return record.model_copy(update={"state": FileState.REMOVED})


def is_garbage(record: FileRecord | None, attempt: str) -> bool:
    """Return whether the bytes of ``attempt`` are of no use: nothing refers to them, and nothing will."""
    if record is None or record.state is FileState.REMOVED:
        return True
    return record.state in COMPLETE and record.attempt != attempt
