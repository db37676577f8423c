"""The handler that imports rooms, members and messages. A repeated request changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import assert_never

from opsroom_chat.changes.reactions import Reactions
from opsroom_chat.domain import imports as rules
from opsroom_chat.domain import rooms as room_rules
from opsroom_chat.imports.files import ImportedFiles
from opsroom_chat.imports.rooms import imported_room
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.rooms.catch_up import CatchUp
from opsroom_chat.rooms.room_store import Plan, RoomStore, Stored
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.imports import (
    ImportReply,
    ImportRequest,
    MissingFile,
    SourceMember,
    SourceMembers,
    SourceMessage,
    SourcePin,
    SourceRoom,
)
from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.rooms import Membership, PersonRooms, RoomKind, RoomRole
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.text import is_blank
from opsroom_messaging.jetstream.writes import Write


@dataclass(slots=True)
class _Progress:
    """What one request has stored, and the rooms that it knows by their ids in the source."""

    request: ImportRequest
    rooms: int = 0
    members: int = 0
    messages: int = 0
    pins: int = 0
    missing: tuple[MissingFile, ...] = ()
    known: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedContents:
    """What stores the files of imported messages, and their pins."""

    files: ImportedFiles
    pins: Reactions


class ImportHandlers:
    """Stores what an admin imports. Imported rooms are new ones: no message appears before older ones."""

    def __init__(
        self,
        rooms: RoomStore,
        messages: MessageStore,
        catch_up: CatchUp,
        contents: ImportedContents,
        *,
        open_rooms: frozenset[str],
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._messages = messages
        self._catch_up = catch_up
        self._files = contents.files
        self._pins = contents.pins
        self._open = {room_rules.name_key(room) for room in open_rooms}
        self._clock = clock

    async def store(self, request: ImportRequest) -> ImportReply:
        """Store the records in their order. If one fails, those before it are stored.

        Raises:
            FaultError: ``room_unknown``: a room was not imported before. ``user_unknown``: an account.
                ``invalid_request``: a blank text without files, a direct room of one person, or somebody in
                too many rooms. ``file_unknown``: another message refers to a file.
            UnavailableError: the broker did not respond; some may be stored.
        """
        progress = _Progress(request)
        for kind, records in groupby(request.records, type):
            if kind is SourceMessage:
                await self._add_messages([one for one in records if isinstance(one, SourceMessage)], progress)
                if progress.missing:
                    break
                continue
            for record in records:
                await self._add(record, progress)
        return ImportReply(
            rooms=progress.rooms,
            members=progress.members,
            messages=progress.messages,
            pins=progress.pins,
            missing=progress.missing or None,
        )

    async def _add(
        self, record: SourceRoom | SourceMembers | SourceMessage | SourcePin, progress: _Progress
    ) -> None:
        match record:
            case SourceRoom():
                await self._create(record, progress)
            case SourceMembers():
                room = await self._room(record.room, progress)
                await self._join(room, record.members, progress)
            case SourcePin():
                await self._pin(record, progress)
            case SourceMessage():
                await self._add_messages((record,), progress)
            case _:
                assert_never(record)

    async def _pin(self, record: SourcePin, progress: _Progress) -> None:
        source = progress.request.source
        room = await self._room(record.room, progress)
        event_id = rules.message_id_of(source, record.room, record.message)
        by, seq = rules.user_of(source, record.person), await self._catch_up()
        progress.pins += await self._pins.pin_imported(room, event_id, by, at=record.at, members_seq=seq)

    async def _create(self, record: SourceRoom, progress: _Progress) -> None:
        source, owner = progress.request.source, progress.request.owner
        is_direct = RoomKind(record.kind) is RoomKind.DIRECT
        room_id = rules.room_id_of(source, record.id, is_direct=is_direct)
        if is_direct and len({one.person.id for one in record.members}) < 2:
            raise refuse(ErrorCode.INVALID_REQUEST, "members: a direct room has two or more", field="members")

        async def decide() -> Plan[bool]:
            if await self._rooms.room(room_id) is not None:
                return Plan(lambda _: False)
            name, claim = (None, None) if is_direct else await self._free_name(record, room_id, source)
            people = await self._people(record.members, source)
            by: User | None = None
            if owner is not None and not is_direct:
                owning = await self._rooms.person(owner, "owner")
                people[owner] = owning, self._membership(RoomRole.OWNER)
                by = owning.record.user
            room = rules.new_room(source, record, name, by, self._clock())
            joined = [
                Stored(room_rules.joined(person.record, room_id, membership), person.seq)
                for person, membership in people.values()
            ]
            return Plan(
                lambda _: True,
                people=tuple(joined),
                rooms=(Stored(room, 0),),
                claim=None if claim is None else Stored(room, claim),
            )

        progress.rooms += await self._rooms.change(decide)
        progress.known[record.id] = room_id

    async def _free_name(self, record: SourceRoom, room_id: str, source: str) -> tuple[str, int | None]:
        """Return the room's name, and the claim that it replaces: names of private rooms are not claimed."""
        for name in rules.room_names(source, record):
            if room_rules.name_key(name) in self._open:
                continue
            if RoomKind(record.kind) is not RoomKind.PUBLIC:
                return name, None
            try:
                return name, await self._rooms.free_name(name, room_id)
            except FaultError as error:
                if error.fault.code is not ErrorCode.NAME_TAKEN:
                    raise
        raise refuse(ErrorCode.NAME_TAKEN, f"There is a room {record.name!r} already.", field="name")

    async def _join(self, room: str, members: Sequence[SourceMember], progress: _Progress) -> None:
        source = progress.request.source

        async def decide() -> Plan[int]:
            people = await self._people(members, source)
            changed = tuple(
                Stored(room_rules.joined(person.record, room, membership), person.seq)
                for person, membership in people.values()
                if room not in person.record.rooms
            )
            return Plan(lambda _: len(changed), people=changed)

        progress.members += await self._rooms.change(decide)

    async def _people(
        self, members: Iterable[SourceMember], source: str
    ) -> dict[str, tuple[Stored[PersonRooms], Membership]]:
        """Return the rooms of each member, by user id; of one who is named twice, the last role counts."""
        found: dict[str, tuple[Stored[PersonRooms], Membership]] = {}
        for member in members:
            user, account = rules.user_of(source, member.person), member.person.account
            stored = (
                await self._rooms.imported(user)
                if account is None
                else await self._rooms.person(account, "account")
            )
            found[user.id] = stored, self._membership(member.role, member.joined_at)
        return found

    def _membership(self, role: RoomRole, joined_at: datetime | None = None) -> Membership:
        return Membership(role=role, joined_at=joined_at or to_milliseconds(self._clock()))

    async def _add_messages(self, messages: Sequence[SourceMessage], progress: _Progress) -> None:
        for message in messages:
            await self._room(message.room, progress)
            if is_blank(message.text) and not message.files:
                raise refuse(ErrorCode.INVALID_REQUEST, "text: must not be blank", field="text")
        source, seq = progress.request.source, await self._catch_up()
        events: dict[str, MessageEvent] = {}
        others: dict[str, tuple[Write, ...]] = {}
        for message in messages:
            event = rules.event_of(source, message, progress.known, self._clock())
            if event.id in events:
                continue
            files = await self._files.of_message(progress.request, message, event)
            if isinstance(files, list):
                progress.missing += tuple(files)
            else:
                attached = {"members_seq": seq, "files": files.files or None}
                events[event.id], others[event.id] = event.model_copy(update=attached), files.writes
        if progress.missing:
            return  # a message behind it would take its place
        for added in await self._messages.add_all(tuple(events.values()), others):
            if isinstance(added, Exception):
                raise added
            progress.messages += isinstance(added, int)

    async def _room(self, room: str, progress: _Progress) -> str:
        """Return the id of a room that was imported before.

        Raises:
            FaultError: ``room_unknown``.
        """
        if room not in progress.known:
            found = await imported_room(self._rooms, progress.request.source, room)
            progress.known[room] = found
        return progress.known[room]
