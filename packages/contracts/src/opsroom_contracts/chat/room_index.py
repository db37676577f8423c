"""In-memory index of rooms and memberships, projected from the ``MEMBERS`` stream."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opsroom_contracts.chat.rooms import Membership, PersonRooms, Room, RoomKind, RoomView


@dataclass(frozen=True, slots=True)
class _Entry:
    """A person's rooms, and the sequence of the record."""

    person: PersonRooms
    seq: int


@dataclass(slots=True)
class RoomIndex:
    """The latest records; an older one never replaces a newer one."""

    _rooms: dict[str, tuple[int, Room]] = field(default_factory=dict)
    _people: dict[str, _Entry] = field(default_factory=dict)
    _members: dict[str, dict[str, Membership]] = field(default_factory=dict)

    def put_room(self, room: Room, seq: int) -> None:
        """Apply a room's record."""
        if seq > self._rooms.get(room.id, (0, room))[0]:
            self._rooms[room.id] = (seq, room)

    def put_person(self, person: PersonRooms, seq: int) -> None:
        """Apply the record of a person's rooms."""
        known = self._people.get(person.user.id)
        if known is not None and known.seq >= seq:
            return
        self._people[person.user.id] = _Entry(person, seq)
        before = set() if known is None else set(known.person.rooms)
        for room in before - set(person.rooms):
            members = self._members[room]
            del members[person.user.id]
            if not members:
                del self._members[room]
        for room, membership in person.rooms.items():
            self._members.setdefault(room, {})[person.user.id] = membership

    def room(self, room: str) -> Room | None:
        """Return a room."""
        known = self._rooms.get(room)
        return None if known is None else known[1]

    def rooms(self) -> Iterator[Room]:
        """Iterate over all rooms that are not open."""
        return (room for _, room in self._rooms.values())

    def person(self, user_id: str) -> PersonRooms | None:
        """Return the rooms of a person."""
        known = self._people.get(user_id)
        return None if known is None else known.person

    def people(self) -> Iterator[str]:
        """Iterate over the ids of everybody with a record."""
        return iter(self._people)

    def membership(self, user_id: str, room: str) -> Membership | None:
        """Return a person's place in a room."""
        return self._members.get(room, {}).get(user_id)

    def members(self, room: str) -> Mapping[str, Membership]:
        """Return the members of a room by their ids."""
        return self._members.get(room, {})

    def view(self, room: Room, user_id: str) -> RoomView:
        """Return a room as a person sees it."""
        membership, members = self.membership(user_id, room.id), self.members(room.id)
        people = (self._people[member].person.user for member in sorted(members))
        return RoomView(
            room=room,
            role=None if membership is None else membership.role,
            members=len(members),
            people=tuple(people) if room.kind is RoomKind.DIRECT else None,
        )

    def oldest_seq(self) -> int | None:
        """Return the lowest sequence of a record that the index is made of; None if it is empty."""
        sequences = [seq for seq, _ in self._rooms.values()]
        sequences += [entry.seq for entry in self._people.values()]
        return min(sequences, default=None)
