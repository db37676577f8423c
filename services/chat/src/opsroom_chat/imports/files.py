"""Files of imported messages: uploaded to a room by an admin, who need not be a member of it."""

from opsroom_chat.domain import files as rules
from opsroom_chat.files.records import Attached, FileRecords
from opsroom_chat.imports.rooms import imported_room
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.rooms.room_store import RoomStore
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.files import BeginFileReply, BeginFileRequest
from opsroom_contracts.chat.imported_files import (
    BeginImportedFileRequest,
    ImportedFile,
    imported_file_id,
    importer_of,
)
from opsroom_contracts.chat.imports import ImportRequest, MissingFile, SourceMessage


class ImportedFiles:
    """Begins the upload of files, and finds those of messages. A file is only for who uploaded it."""

    def __init__(self, rooms: RoomStore, records: FileRecords, messages: MessageStore) -> None:
        self._rooms = rooms
        self._records = records
        self._messages = messages

    async def begin(self, request: BeginImportedFileRequest) -> BeginFileReply:
        """Store the record of a file, before its first byte. An archived room will do, too.

        Raises:
            FaultError: ``room_unknown``: it was not imported before. ``idempotency_mismatch``: the file was
                uploaded under another name. ``file_unknown``: its message was removed.
        """
        file, importer = request.file, importer_of(request.by)
        begun = BeginFileRequest(
            user_id=importer,
            id=imported_file_id(importer, file),
            attempt=request.attempt,
            room=await imported_room(self._rooms, file.source, file.room),
            name=request.name,
        )
        record = await self._records.change(begun.id, lambda record: rules.begin(record, begun))
        return BeginFileReply(file=None if record is None else record.file)

    async def of_message(
        self, request: ImportRequest, message: SourceMessage, event: MessageEvent
    ) -> Attached | list[MissingFile]:
        """Return the files of a message, or those that have to be uploaded first.

        A message that is stored already needs none.

        Raises:
            FaultError: ``file_unknown``: another message refers to a file.
            UnavailableError: the broker did not respond.
        """
        if not message.files or await self._messages.find(event.room, event.id) is not None:
            return Attached((), ())
        importer = importer_of(request.by)
        ids = [
            imported_file_id(
                importer,
                ImportedFile(
                    source=request.source,
                    room=message.room,
                    message=message.id,
                    place=place,
                    digest=digest,
                ),
            )
            for place, digest in enumerate(message.files)
        ]
        found = [await self._records.find(file_id) for file_id in ids]
        missing = [
            MissingFile(room=message.room, message=message.id, place=place)
            for place, record in enumerate(found)
            if record is None or record.state not in rules.COMPLETE
        ]
        return missing or await self._records.attach(ids, importer, event.room, event.id)
