"""The chat's sockets by the rooms that their users are in."""

from collections import OrderedDict
from collections.abc import Collection
from itertools import chain
from typing import Protocol

from opsroom_contracts.subjects import is_created_room
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.connection import ClientConnection

_ROOMS_MAX = 1000
"""How many rooms have a prepared list of sockets; that of another is made from its members again."""


class Memberships(Protocol):
    """Who is in the rooms that not everybody is in."""

    def members(self, room: str) -> Collection[str]:
        """Return the ids of the users in a room."""
        ...

    def rooms(self, user_id: str) -> Collection[str]:
        """Return the ids of the rooms that a user is in."""
        ...


class RoomReaders:
    """Sends each frame to the sockets of its room's members, to every socket in ascending order.

    A message costs what the readers of its room cost, however many sockets there are. The sockets of a room
    are collected when its first message arrives, and followed from then on.
    """

    def __init__(self, memberships: Memberships) -> None:
        self._memberships = memberships
        self._everybody = Broadcaster()
        self._rooms: OrderedDict[str, Broadcaster] = OrderedDict()
        self._sockets: dict[str, set[ClientConnection]] = {}
        self._writing: Broadcaster | None = None
        self._deliveries = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._everybody)

    @property
    def deliveries(self) -> int:
        """How many frames were written to sockets."""
        return self._deliveries + sum(readers.deliveries for readers in self._all())

    @property
    def written_bytes(self) -> int:
        """How many bytes were written to sockets."""
        return self._bytes + sum(readers.written_bytes for readers in self._all())

    def buffered_bytes(self) -> list[int]:
        """Return the bytes that each socket has not taken yet."""
        return self._everybody.buffered_bytes()

    def subscribe(self, socket: ClientConnection, user_id: str) -> None:
        """Add a socket; it receives what is published from now on."""
        self._sockets.setdefault(user_id, set()).add(socket)
        self._everybody.subscribe(socket)
        for room in self._memberships.rooms(user_id):
            if room in self._rooms:
                self._rooms[room].subscribe(socket)

    def unsubscribe(self, socket: ClientConnection, user_id: str) -> None:
        """Remove a socket."""
        sockets = self._sockets.get(user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._sockets.pop(user_id, None)
        self._everybody.unsubscribe(socket)
        for room in self._memberships.rooms(user_id):
            if room in self._rooms:
                self._rooms[room].unsubscribe(socket)

    def on_person(self, user_id: str, joined: Collection[str], left: Collection[str]) -> None:
        """Follow a user who has joined and left rooms."""
        for socket in self._sockets.get(user_id, ()):
            for room in joined:
                if room in self._rooms:
                    self._rooms[room].subscribe(socket)
            for room in left:
                if room in self._rooms:
                    self._rooms[room].flush()  # what was stored while they were in
                    self._rooms[room].unsubscribe(socket)

    def publish(self, room: str, frame: bytes) -> None:
        """Send ``frame`` to the sockets of ``room`` at the end of this event-loop iteration."""
        readers = self._room(room) if is_created_room(room) else self._everybody
        if readers is not self._writing:
            # One list of readers at a time, so that a socket in both never gets a later frame first.
            self.flush()
            self._writing = readers
        readers.publish(frame)

    def publish_to_all(self, frame: bytes) -> None:
        """Send ``frame`` to all sockets."""
        self.flush()
        self._writing = self._everybody
        self._everybody.publish(frame)

    def flush(self) -> None:
        """Write what is published."""
        if self._writing is not None:
            self._writing.flush()

    def disconnect(self, room: str) -> None:
        """Disconnect the sockets of a room that not everybody is in. They get nothing more."""
        self.flush()
        for socket in self.sockets_of(room):
            self._everybody.unsubscribe(socket)
            if room in self._rooms:
                self._rooms[room].unsubscribe(socket)
            socket.abort()

    def sockets_of(self, room: str) -> list[ClientConnection]:
        """Return the sockets of the members of a room that not everybody is in."""
        members = self._memberships.members(room)
        return [*chain.from_iterable(self._sockets.get(user_id, ()) for user_id in members)]

    def _room(self, room: str) -> Broadcaster:
        readers = self._rooms.get(room)
        if readers is None:
            readers = self._rooms[room] = Broadcaster()
            for socket in self.sockets_of(room):
                readers.subscribe(socket)
            if len(self._rooms) > _ROOMS_MAX:
                self._drop(*self._rooms.popitem(last=False))
        else:
            self._rooms.move_to_end(room)
        return readers

    def _drop(self, room: str, readers: Broadcaster) -> None:
        readers.flush()
        for socket in self.sockets_of(room):
            readers.unsubscribe(socket)
        self._deliveries += readers.deliveries
        self._bytes += readers.written_bytes

    def _all(self) -> list[Broadcaster]:
        return [self._everybody, *self._rooms.values()]
