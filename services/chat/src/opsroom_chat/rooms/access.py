"""Who may send to a room and read it, with what is true when the request arrives."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from opsroom_chat.domain import rooms as rules
from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.chat.rooms import Room, RoomKind
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.search.words import words_of
from opsroom_contracts.subjects import is_created_room


@dataclass(frozen=True, slots=True)
class Readable:
    """The rooms that one person may read, as the index has them at the moment of each call."""

    user_id: str | None
    open: frozenset[str]
    index: Callable[[], RoomIndex]

    def may_read(self, room: str) -> bool:
        """Whether the person may read ``room``."""
        if room in self.open:
            return True
        record = self.index().room(room)
        return record is not None and self._may_see(record)

    def member_rooms(self) -> tuple[str, ...]:
        """Return the ids of the rooms that the person is a member of, and that not everybody may read."""
        index = self.index()
        person = None if self.user_id is None else index.person(self.user_id)
        rooms = () if person is None else (index.room(room) for room in person.rooms)
        hidden = {RoomKind.PRIVATE, RoomKind.DIRECT}
        return tuple(room.id for room in rooms if room is not None and room.kind in hidden)

    def named(self, wanted: str) -> list[str]:
        """Return the ids of the rooms that the person may read with this id or name.

        Case, accents and punctuation of names make no difference. Names of private rooms need not be unique.
        """
        if self.may_read(wanted):
            return [wanted]
        key = tuple(words_of(wanted))
        return [room.id for room in self._seen() if key and tuple(words_of(room.name or "")) == key]

    def _seen(self) -> Iterator[Room]:
        return (room for room in self.index().rooms() if self._may_see(room))

    def _may_see(self, room: Room) -> bool:
        membership = None if self.user_id is None else self.index().membership(self.user_id, room.id)
        return rules.may_see(room, membership)


class RoomAccess:
    """Checks people against the memberships that are stored by the time of the check.

    ``catch_up`` waits until this process has seen every membership that was stored before the call, and
    returns the sequence of the last one in ``MEMBERS``. So nobody sends to a room after a process has
    confirmed that they were removed from it.
    """

    def __init__(
        self,
        index: Callable[[], RoomIndex],
        open_rooms: frozenset[str],
        catch_up: Callable[[], Awaitable[int]],
    ) -> None:
        self._index = index
        self._open = open_rooms
        self._catch_up = catch_up

    async def check_may_send(self, user_id: str | None, room: str) -> int | None:
        """Check that a person may send to ``room``.

        Returns the sequence of ``MEMBERS`` that a reader's gateway must have seen before it delivers the
        message; None: everybody is in the room.

        Raises:
            FaultError: ``room_unknown``; ``forbidden``: not a member, or the room is archived.
            UnavailableError: this process is too far behind.
        """
        if room in self._open:
            return None
        seq = await self._catch_up()
        index = self._index()
        record = index.room(room)
        membership = None if user_id is None else index.membership(user_id, room)
        if record is None or user_id is None or not rules.may_see(record, membership):
            self._refuse(room)  # the same words, so that nobody learns that a private room exists
        rules.check_may_send(record, membership)
        return seq

    async def check_may_post(self, room: str) -> int | None:
        """Check that the portal's bots, which are members of no room, may send to ``room``.

        Returns the sequence of ``MEMBERS`` as :meth:`check_may_send`.

        Raises:
            FaultError: ``room_unknown``; ``forbidden``: the room is archived.
            UnavailableError: this process is too far behind.
        """
        seq = await self.check_room(room)
        record = self._index().room(room)
        if seq is not None and record is not None:
            rules.check_not_archived(record)
        return seq

    async def check_may_read(self, user_id: str | None, room: str) -> None:
        """Check that a person may read ``room``.

        Raises:
            FaultError: ``room_unknown``.
            UnavailableError: this process is too far behind.
        """
        if room in self._open:
            return
        await self._catch_up()
        index = self._index()
        record = index.room(room)
        membership = None if user_id is None else index.membership(user_id, room)
        if record is None or not rules.may_see(record, membership):
            self._refuse(room)

    async def check_room(self, room: str) -> int | None:
        """Check that a room exists, for what a service says there; returns as ``check_may_send``.

        Raises:
            FaultError: ``room_unknown``.
            UnavailableError: this process is too far behind.
        """
        if room in self._open:
            return None
        seq = await self._catch_up()
        if self._index().room(room) is None:
            self._refuse(room)
        return seq

    async def is_public(self, room: str) -> bool:
        """Whether everybody may read ``room``; what kind of room it is never changes.

        Raises:
            UnavailableError: this process is too far behind.
        """
        if not is_created_room(room):
            return True
        record = self._index().room(room)
        if record is None:
            await self._catch_up()
            record = self._index().room(room)
        return record is not None and record.kind in {RoomKind.OPEN, RoomKind.PUBLIC}

    async def readable(self, user_id: str | None) -> Readable:
        """Return what a person may read; None: somebody who is in no room.

        Raises:
            UnavailableError: this process is too far behind.
        """
        await self._catch_up()
        return Readable(user_id, self._open, self._index)

    def _refuse(self, room: str) -> NoReturn:
        rooms = ", ".join(sorted(self._open))
        message = f"there is no room {room!r} that you can see; everybody can see: {rooms}"
        raise refuse(ErrorCode.ROOM_UNKNOWN, message, field="room")
