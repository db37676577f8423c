"""Reading of an export of this program: to continue it, or to import it elsewhere."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, assert_never

from opsroom_client.transfer.contents import Contents, FoundFile, content_of
from opsroom_client.transfer.exported_files import exported_file, folder_of
from opsroom_client.transfer.exporting import Progress
from opsroom_client.transfer.reading import Lines, TransferError, checked, lines_of
from opsroom_client.transfer.records import FoundMessage, FoundRoom, Kind, Record
from opsroom_contracts.chat.exports import (
    EXPORT_RECORD,
    ExportedFile,
    ExportedMember,
    ExportedMessage,
    ExportedPerson,
    ExportedPin,
    ExportedRoom,
    ExportEnd,
    ExportHeader,
    ExportRecord,
)
from opsroom_contracts.chat.imports import SourceMember, SourcePerson, SourcePin, SourceReaction
from opsroom_contracts.chat.rooms import RoomKind

_KINDS: Final[dict[RoomKind, Kind]] = {
    RoomKind.OPEN: "public",
    RoomKind.PUBLIC: "public",
    RoomKind.PRIVATE: "private",
    RoomKind.DIRECT: "direct",
}


def read_records(file: Lines, name: str) -> Iterator[tuple[str, ExportRecord]]:
    """Yield the records of an export, with where they are.

    Raises:
        TransferError: a line is not a record, or the first one is no header.
    """
    for number, (place, line) in enumerate(lines_of(file, name)):
        record = checked(EXPORT_RECORD, line, place)
        if (number == 0) != isinstance(record, ExportHeader):
            raise TransferError(f"{place}: type: must be export in the first line, and in no other")
        yield place, record


def continued(file: IO[bytes], name: str) -> tuple[Progress, int]:
    """Return what an interrupted export has, and its size without an incomplete last line.

    Raises:
        TransferError: as ``read_records``.
    """
    progress, size = Progress(), 0
    file.seek(0)
    for line in iter(file.readline, b""):
        if not line.endswith(b"\n"):
            break
        size += len(line)
    file.seek(0)
    for _, record in read_records(_Limited(file, size), name):
        progress.add(record)
    return progress, size


class _Limited:
    """The beginning of a file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def readline(self, limit: int, /) -> bytes:
        """Read a line, or what is left."""
        line = self._file.readline(min(limit, self._left))
        self._left -= len(line)
        return line


class PortalExport:
    """Reads an export of this program. ``skipped``: how much of what was left out so far."""

    def __init__(self, path: Path, accounts: Mapping[str, str]) -> None:
        """``accounts``: ids of users of the portal, by ids or names of the exported people."""
        self.skipped: Counter[str] = Counter()
        self.source: str | None = None
        self.contents = Contents()
        self._path = path
        self._accounts = accounts
        self._people: dict[str, SourcePerson] = {}
        self._room: ExportedRoom | None = None
        self._members: list[SourceMember] = []

    def records(self) -> Iterator[Record]:
        """Yield all rooms, members and messages.

        Raises:
            TransferError: a line is not what it should be, or the export is not complete.
        """
        ended = False
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise TransferError(f"{self._path}: can't be read: {error.strerror}") from None
        with file:
            for place, record in read_records(file, self._path.name):
                yield from self._record(record, place)
                ended = isinstance(record, ExportEnd)
        if not ended:
            raise TransferError(f"{self._path}: is not complete: it has no end. Continue the export first")

    def _record(self, record: ExportRecord, place: str) -> Iterator[Record]:
        if not isinstance(record, ExportedPerson | ExportedMember):
            yield from self._finished_room()
        match record:
            case ExportHeader():
                self.source = None if record.epoch is None else f"opsroom.{record.epoch.lower()}"
            case ExportedPerson():
                account = self._accounts.get(record.id) or self._accounts.get(record.name)
                self._people[record.id] = SourcePerson(id=record.id, name=record.name, account=account)
            case ExportedRoom():
                self._room = record
            case ExportedMember():
                person = self._find(record.person, place)
                self._members.append(
                    SourceMember(person=person, role=record.role, joined_at=record.joined_at)
                )
            case ExportedMessage():
                yield from self._message(record, place)
            case ExportedPin():
                person = self._find(record.person, place)
                yield SourcePin(room=record.room, message=record.message, person=person, at=record.at)
            case ExportEnd():
                pass
            case _:
                assert_never(record)

    def _finished_room(self) -> Iterator[Record]:
        """Yield the room before, now that all of its members are known."""
        room, members = self._room, tuple(self._members)
        self._room, self._members = None, []
        if room is None:
            return
        found = FoundRoom(
            id=room.id,
            kind=_KINDS[room.kind],
            name=room.name,
            members=members,
            description=room.description,
            archived=room.archived or False,
            created_at=room.created_at,
        )
        yield from found.records()

    def _message(self, message: ExportedMessage, place: str) -> Iterator[Record]:
        files = [self._file(one) for one in message.files or ()]
        if not message.text.strip() and not files:
            self.skipped["empty messages"] += 1
            return
        reactions = [
            SourceReaction(emoji=one.emoji, people=tuple(self._find(person, place) for person in one.people))
            for one in message.reactions or ()
            if one.people
        ]
        found = FoundMessage(
            room=message.room,
            id=message.id,
            person=self._find(message.person, place),
            text=message.text,
            timestamp=message.timestamp,
            edited_at=message.edited_at,
            thread=message.thread,
            broadcast=message.broadcast or False,
            reactions=reactions,
            files=files,
        )
        yield from found.records(self.contents)

    def _file(self, file: ExportedFile) -> FoundFile:
        """Return a file with its content, if the folder beside the export has it.

        Raises:
            TransferError: the content is damaged.
        """
        shown = f"[{file.name}]"
        path = None if file.digest is None else exported_file(folder_of(self._path), file.digest)
        if path is None:
            self.skipped["files without content"] += 1
            return FoundFile(shown)
        content = content_of(lambda: path.open("rb"), file.name, kind=file.type, digest=file.digest)
        return FoundFile(shown, content)

    def _find(self, person: str, place: str) -> SourcePerson:
        found = self._people.get(person)
        if found is None:
            raise TransferError(f"{place}: person: {person} has no line before this one")
        return found
