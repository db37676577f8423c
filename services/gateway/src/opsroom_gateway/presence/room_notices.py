"""Notices to the sockets of users about the rooms that they are in."""

from collections.abc import Collection

from opsroom_contracts.chat.frames import RoomFrame
from opsroom_contracts.chat.rooms import Room, RoomKind
from opsroom_contracts.serialization.codec import encode
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import text_frame


class RoomNotices:
    """Sends a frame to all sockets of a user when one of their rooms changes, or when they join or leave."""

    def __init__(self, rooms: RoomProjection) -> None:
        self._rooms = rooms
        self._sockets: dict[str, set[ClientConnection]] = {}
        rooms.watch_rooms(self._on_room)
        rooms.watch_people(self._on_person)

    def attach(self, socket: ClientConnection, user_id: str) -> None:
        """Notify a socket from now on."""
        self._sockets.setdefault(user_id, set()).add(socket)

    def detach(self, socket: ClientConnection, user_id: str) -> None:
        """Stop notifying a socket."""
        sockets = self._sockets.get(user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._sockets.pop(user_id, None)

    def _on_room(self, room: Room) -> None:
        for user_id in self._rooms.members(room.id):
            self._send(user_id, room)

    def _on_person(self, user_id: str, joined: Collection[str], left: Collection[str]) -> None:
        for room_id in sorted({*joined, *left}):
            room = self._rooms.index.room(room_id)
            if room is None:
                continue
            if room.kind is RoomKind.DIRECT:
                # The records of its people come one after the other, and the last one completes the list.
                self._on_room(room)
            else:
                self._send(user_id, room)

    def _send(self, user_id: str, room: Room) -> None:
        sockets = self._sockets.get(user_id)
        if sockets:
            view = self._rooms.index.view(room, user_id)
            frame = RoomFrame(room=room, role=view.role, members=view.members, people=view.people)
            data = text_frame(encode(frame))
            for socket in sockets:
                socket.write(data)
