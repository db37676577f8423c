"""Export of what a user may read, as records; it can be continued after an interruption."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsroom_client.client import Opsroom
from opsroom_client.errors import RequestRejectedError
from opsroom_client.transfer.exported_files import FileFolder
from opsroom_client.transfer.reading import TransferError
from opsroom_contracts.chat.exports import (
    ExportedFile,
    ExportedMember,
    ExportedMessage,
    ExportedPerson,
    ExportedPin,
    ExportedReaction,
    ExportedRoom,
    ExportEnd,
    ExportHeader,
    ExportRecord,
)
from opsroom_contracts.chat.files import File
from opsroom_contracts.chat.models import HISTORY_MAX, Message, Reactions, User
from opsroom_contracts.chat.rooms import Room, RoomKind, RoomMember
from opsroom_contracts.errors import ErrorCode

_ROOM = "general"


@dataclass(slots=True)
class Progress:
    """What an export has already. ``room`` and ``seq``: where it is; ``members``: those of ``room``.

    ``root`` and ``replies``: the last message of the room, and the replies in its thread. ``pins``: the
    pinned messages of ``room``.
    """

    header: ExportHeader | None = None
    people: set[str] = field(default_factory=set)
    room: str = ""
    seq: int = 0
    members: set[str] = field(default_factory=set)
    root: str | None = None
    replies: set[str] = field(default_factory=set)
    pins: set[str] = field(default_factory=set)
    rooms: int = 0
    messages: int = 0
    complete: bool = False

    def add(self, record: ExportRecord) -> None:
        """Note a record."""
        match record:
            case ExportHeader():
                self.header = record
            case ExportedPerson():
                self.people.add(record.id)
            case ExportedRoom():
                self.room, self.seq, self.members = record.id, 0, set()
                self.root, self.replies, self.pins = None, set(), set()
                self.rooms += 1
            case ExportedMember():
                self.members.add(record.person)
            case ExportedMessage():
                self.messages += 1
                if _is_in_thread_only(record):
                    self.replies.add(record.id)
                else:
                    self.seq, self.root, self.replies = record.seq, record.id, set()
            case ExportedPin():
                self.pins.add(record.message)
            case ExportEnd():
                self.complete = True


async def export(
    opsroom: Opsroom, progress: Progress, files: FileFolder | None = None
) -> AsyncIterator[ExportRecord]:
    """Yield the records that ``progress`` does not have yet, and note them there.

    Rooms come in the order of their ids, and messages in that of their places, so that an interrupted export
    continues behind the last record that was written. ``files``: where the contents of files go, before the
    record of their message; without it, they are left out.

    Raises:
        TransferError: the portal's data is another than that of the export, an earlier release began it,
            or a file can't be written.
        OpsroomError: as requests.
    """
    first = await opsroom.history_page(_ROOM, limit=1)
    if progress.header is None:
        yield _noted(progress, ExportHeader(epoch=first.epoch, as_of=first.as_of, at=datetime.now(UTC)))
    elif progress.header.epoch != first.epoch:
        raise TransferError("the portal's data was replaced since this export began: begin another one")
    elif progress.header.version != ExportHeader.model_fields["version"].default:
        raise TransferError("an earlier release began this export: begin another one")
    if progress.complete:
        return
    views = sorted(await opsroom.rooms.list(), key=lambda view: view.room.id)
    for view in views:
        if view.room.id >= progress.room:
            async for record in _room(_Reader(opsroom, files), view.room, progress):
                yield _noted(progress, record)
    end = ExportEnd(people=len(progress.people), rooms=progress.rooms, messages=progress.messages)
    yield _noted(progress, end)


def _noted(progress: Progress, record: ExportRecord) -> ExportRecord:
    progress.add(record)
    return record


@dataclass(frozen=True, slots=True)
class _Reader:
    opsroom: Opsroom
    files: FileFolder | None


async def _room(reader: _Reader, room: Room, progress: Progress) -> AsyncIterator[ExportRecord]:
    if room.id != progress.room:
        yield ExportedRoom(
            id=room.id,
            kind=room.kind,
            name=room.name,
            description=room.description,
            archived=room.archived or None,
            created_at=room.created_at,
        )
    if room.kind is not RoomKind.OPEN and not progress.seq:
        for member in await reader.opsroom.rooms.members(room.id):
            for record in _member(room, member, progress):
                yield record
    async for record in _messages(reader, room, progress):
        yield record
    async for record in _pins(reader.opsroom, room, progress):
        yield record


async def _pins(opsroom: Opsroom, room: Room, progress: Progress) -> AsyncIterator[ExportRecord]:
    """Yield what is pinned in a room, the oldest pin first: an import pins in the same order."""
    for pin in reversed(await opsroom.messages.pins(room.id)):
        if pin.message.id not in progress.pins:
            for person in _new(progress, (pin.by,)):
                yield person
            yield ExportedPin(room=room.id, message=pin.message.id, person=pin.by.id, at=pin.at)


def _member(room: Room, member: RoomMember, progress: Progress) -> Iterator[ExportRecord]:
    if member.user.id not in progress.members:
        yield from _new(progress, (member.user,))
        yield ExportedMember(
            room=room.id, person=member.user.id, role=member.role, joined_at=member.joined_at
        )


async def _messages(reader: _Reader, room: Room, progress: Progress) -> AsyncIterator[ExportRecord]:
    if progress.root is not None:
        async for record in _replies(reader, room, progress.root, progress):
            yield record
    after: int | None = progress.seq
    while after is not None:
        page = await reader.opsroom.history_page(room.id, after=after, limit=HISTORY_MAX)
        for message in page.messages:
            async for record in _said(reader, message, progress):
                yield record
            if message.replies is not None:
                async for record in _replies(reader, room, message.id, progress):
                    yield record
        after = page.next


async def _replies(reader: _Reader, room: Room, root: str, progress: Progress) -> AsyncIterator[ExportRecord]:
    """Yield the replies in a thread that the room does not show. A thread is read from its end."""
    found: list[Message] = []
    before: int | None = None
    while True:
        try:
            page = await reader.opsroom.messages.thread(root, room=room.id, before=before, limit=HISTORY_MAX)
        except RequestRejectedError as error:
            if error.code is not ErrorCode.MESSAGE_UNKNOWN:
                raise
            return  # it was removed meanwhile
        found[:0] = page.replies
        before = page.next
        if before is None:
            break
    for reply in found:
        if _is_in_thread_only(reply) and reply.id not in progress.replies:
            async for record in _said(reader, reply, progress):
                yield record


async def _said(reader: _Reader, message: Message, progress: Progress) -> AsyncIterator[ExportRecord]:
    """Yield a message, after those of its people that no earlier record has named."""
    for person in _new(progress, _people(message)):
        yield person
    files = [await _file(reader, one) for one in message.files or ()]
    yield _message(message, tuple(files))


async def _file(reader: _Reader, file: File) -> ExportedFile:
    digest = None if reader.files is None else await reader.files.fetch(reader.opsroom.files, file)
    return ExportedFile(name=file.name, type=file.type, size=file.size, digest=digest)


def _is_in_thread_only(message: Message | ExportedMessage) -> bool:
    return message.thread is not None and not message.broadcast


def _new(progress: Progress, users: Iterable[User]) -> Iterator[ExportedPerson]:
    """Yield those who were not exported before."""
    for user in {user.id: user for user in users}.values():
        if user.id not in progress.people:
            yield ExportedPerson(id=user.id, name=user.name)


def _people(message: Message) -> Iterator[User]:
    yield message.user
    for reaction in _reactions(message):
        yield from reaction.users


def _reactions(message: Message) -> tuple[Reactions, ...]:
    """Return the reactions to a message, also those from before it was imported."""
    imported = () if message.imported is None else message.imported.reactions or ()
    found = message.reactions or ()
    known = {one.emoji for one in found}
    return (*found, *(one for one in imported if one.emoji not in known))


def _message(message: Message, files: tuple[ExportedFile, ...]) -> ExportedMessage:
    reactions = tuple(
        ExportedReaction(
            emoji=one.emoji,
            people=tuple(user.id for user in one.users),
            count=one.count if one.count != len(one.users) else None,
        )
        for one in _reactions(message)
    )
    return ExportedMessage(
        room=message.room,
        id=message.id,
        seq=message.seq,
        person=message.user.id,
        text=message.text,
        timestamp=message.timestamp,
        edited_at=message.edited_at,
        thread=message.thread,
        broadcast=message.broadcast,
        reactions=reactions or None,
        files=files or None,
        source=None if message.imported is None else message.imported.source,
    )
