"""Rooms that not everybody is in, and who is in them, read once for this process."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.chat.rooms import PERSON_ROOMS, ROOM_RECORD, PersonRooms, Room, RoomView
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import is_created_room, memberships_subject, room_record
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_ROOM_PREFIX, _PERSON_PREFIX = room_record(""), memberships_subject("")

log = logging.getLogger(__name__)

RoomWatcher = Callable[[Room], None]
"""Called with each changed room."""
PersonWatcher = Callable[[str, frozenset[str], frozenset[str]], None]
"""Called with a user's id, and the rooms that they have joined and left."""


class RoomProjection:
    """Applies the records. After a restart of the stream it builds a second view and compares."""

    def __init__(self) -> None:
        self.malformed = 0
        self._index = RoomIndex()
        self._building: RoomIndex | None = None
        self._room_watchers: list[RoomWatcher] = []
        self._person_watchers: list[PersonWatcher] = []

    @staticmethod
    def is_mine(subject: str) -> bool:
        """Whether a record of the stream is one of these."""
        return subject.startswith((_ROOM_PREFIX, _PERSON_PREFIX))

    @property
    def index(self) -> RoomIndex:
        """All records known to this process."""
        return self._index

    def watch_rooms(self, watcher: RoomWatcher) -> None:
        """Call ``watcher`` after every change of a room."""
        self._room_watchers.append(watcher)

    def watch_people(self, watcher: PersonWatcher) -> None:
        """Call ``watcher`` after somebody has joined or left rooms."""
        self._person_watchers.append(watcher)

    def is_in(self, user_id: str, room: str) -> bool:
        """Whether a user gets the messages of ``room``: everybody is in rooms that nobody created."""
        return not is_created_room(room) or self._index.membership(user_id, room) is not None

    def members(self, room: str) -> Collection[str]:
        """Return the ids of the users in a room that not everybody is in."""
        return self._index.members(room)

    def rooms(self, user_id: str) -> Collection[str]:
        """Return the ids of the rooms that a user is in, except those that everybody is in."""
        person = self._index.person(user_id)
        return () if person is None else person.rooms

    def views(self, user_id: str) -> tuple[RoomView, ...]:
        """Return the rooms of a user that not everybody is in."""
        person = self._index.person(user_id)
        rooms = (self._index.room(room) for room in sorted(() if person is None else person.rooms))
        return tuple(self._index.view(room, user_id) for room in rooms if room is not None)

    def on_restart(self, restart: Restart) -> None:
        """Continue, or build a second view, which replaces the present one when complete."""
        self._building = RoomIndex() if restart.reset else None

    def on_message(self, message: StreamMessage) -> None:
        """Apply one record. Records that violate their contract are skipped, counted and logged."""
        index = self._index if self._building is None else self._building
        try:
            if message.subject.startswith(_ROOM_PREFIX):
                self._put_room(index, ROOM_RECORD.read(message.data).room, message.seq)
            else:
                self._put_person(index, PERSON_ROOMS.read(message.data), message.seq)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)

    def on_synced(self) -> None:
        """Replace the present view with the second one, and notify the watchers of the differences."""
        if self._building is None:
            return
        before, self._index, self._building = self._index, self._building, None
        for room in self._index.rooms():
            if before.room(room.id) != room:
                self._notify_room(room)
        for user_id in {*before.people(), *self._index.people()}:
            self._notify_person(user_id, before.person(user_id))

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost a record."""
        oldest = self._index.oldest_seq()
        return oldest is not None and oldest < first_seq

    def _put_room(self, index: RoomIndex, room: Room, seq: int) -> None:
        before = index.room(room.id)
        index.put_room(room, seq)
        if index is self._index and before != room:
            self._notify_room(room)

    def _put_person(self, index: RoomIndex, person: PersonRooms, seq: int) -> None:
        before = index.person(person.user.id)
        index.put_person(person, seq)
        if index is self._index:
            self._notify_person(person.user.id, before)

    def _notify_room(self, room: Room) -> None:
        for watcher in self._room_watchers:
            watcher(room)

    def _notify_person(self, user_id: str, before: PersonRooms | None) -> None:
        after = self._index.person(user_id)
        old = frozenset() if before is None else frozenset(before.rooms)
        new = frozenset() if after is None else frozenset(after.rooms)
        if old != new:
            for watcher in self._person_watchers:
                watcher(user_id, new - old, old - new)
