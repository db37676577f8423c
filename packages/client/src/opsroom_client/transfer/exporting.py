"""Export of what a user may read, as records; it can be continued after an interruption."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsroom_client.client import Opsroom
from opsroom_client.errors import RequestRejectedError
from opsroom_client.transfer.reading import TransferError
from opsroom_contracts.chat.exports import (
    ExportedFile,
    ExportedMember,
    ExportedMessage,
    ExportedPerson,
    ExportedReaction,
    ExportedRoom,
    ExportEnd,
    ExportHeader,
    ExportRecord,
)
from opsroom_contracts.chat.models import HISTORY_MAX, Message, Reactions, User
from opsroom_contracts.chat.rooms import Room, RoomKind, RoomMember
from opsroom_contracts.errors import ErrorCode

_ROOM = "general"


@dataclass(slots=True)
class Progress:
    """What an export has already. ``room`` and ``seq``: where it is; ``members``: those of ``room``.

    ``root`` and ``replies``: the last message of the room, and the replies in its thread.
    """

    header: ExportHeader | None = None
    people: set[str] = field(default_factory=set)
    room: str = ""
    seq: int = 0
    members: set[str] = field(default_factory=set)
    root: str | None = None
    replies: set[str] = field(default_factory=set)
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
                self.root, self.replies = None, set()
                self.rooms += 1
            case ExportedMember():
                self.members.add(record.person)
            case ExportedMessage():
                self.messages += 1
                if _is_in_thread_only(record):
                    self.replies.add(record.id)
                else:
                    self.seq, self.root, self.replies = record.seq, record.id, set()
            case ExportEnd():
                self.complete = True


async def export(opsroom: Opsroom, progress: Progress) -> AsyncIterator[ExportRecord]:
    """Yield the records that ``progress`` does not have yet, and note them there.

    Rooms come in the order of their ids, and messages in that of their places, so that an interrupted export
    continues behind the last record that was written.

    Raises:
        TransferError: the portal's data is another than that of the export.
        OpsroomError: as requests.
    """
    first = await opsroom.history_page(_ROOM, limit=1)
    if progress.header is None:
        yield _noted(progress, ExportHeader(epoch=first.epoch, as_of=first.as_of, at=datetime.now(UTC)))
    elif progress.header.epoch != first.epoch:
        raise TransferError("the portal's data was replaced since this export began: begin another one")
    if progress.complete:
        return
    views = sorted(await opsroom.rooms.list(), key=lambda view: view.room.id)
    for view in views:
        if view.room.id >= progress.room:
            async for record in _room(opsroom, view.room, progress):
                yield _noted(progress, record)
    end = ExportEnd(people=len(progress.people), rooms=progress.rooms, messages=progress.messages)
    yield _noted(progress, end)


def _noted(progress: Progress, record: ExportRecord) -> ExportRecord:
    progress.add(record)
    return record


async def _room(opsroom: Opsroom, room: Room, progress: Progress) -> AsyncIterator[ExportRecord]:
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
        for member in await opsroom.rooms.members(room.id):
            for record in _member(room, member, progress):
                yield record
    async for record in _messages(opsroom, room, progress):
        yield record


def _member(room: Room, member: RoomMember, progress: Progress) -> Iterator[ExportRecord]:
    if member.user.id not in progress.members:
        yield from _new(progress, (member.user,))
        yield ExportedMember(
            room=room.id, person=member.user.id, role=member.role, joined_at=member.joined_at
        )


async def _messages(opsroom: Opsroom, room: Room, progress: Progress) -> AsyncIterator[ExportRecord]:
    if progress.root is not None:
        async for record in _replies(opsroom, room, progress.root, progress):
            yield record
    after: int | None = progress.seq
    while after is not None:
        page = await opsroom.history_page(room.id, after=after, limit=HISTORY_MAX)
        for message in page.messages:
            for record in _said(message, progress):
                yield record
            if message.replies is not None:
                async for record in _replies(opsroom, room, message.id, progress):
                    yield record
        after = page.next


async def _replies(
    opsroom: Opsroom, room: Room, root: str, progress: Progress
) -> AsyncIterator[ExportRecord]:
    """Yield the replies in a thread that the room does not show. A thread is read from its end."""
    found: list[Message] = []
    before: int | None = None
    while True:
        try:
            page = await opsroom.messages.thread(root, room=room.id, before=before, limit=HISTORY_MAX)
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
            for record in _said(reply, progress):
                yield record


def _said(message: Message, progress: Progress) -> Iterator[ExportRecord]:
    """Yield a message, after those of its people that no earlier record has named."""
    yield from _new(progress, _people(message))
    yield _message(message)


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


def _message(message: Message) -> ExportedMessage:
    reactions = tuple(
        ExportedReaction(
            emoji=one.emoji,
            people=tuple(user.id for user in one.users),
            count=one.count if one.count != len(one.users) else None,
        )
        for one in _reactions(message)
    )
    files = tuple(ExportedFile(name=one.name, type=one.type, size=one.size) for one in message.files or ())
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
