"""Rooms of a source, found by their ids there."""

from opsroom_chat.domain.imports import room_id_of
from opsroom_chat.rooms.room_store import RoomStore
from opsroom_contracts.errors import ErrorCode, refuse


async def imported_room(rooms: RoomStore, source: str, room: str) -> str:
    """Return the id of a room that was imported before.

    Raises:
        FaultError: ``room_unknown``.
        UnavailableError: the broker did not respond.
    """
    for is_direct in (False, True):
        room_id = room_id_of(source, room, is_direct=is_direct)
        if await rooms.room(room_id) is not None:
            return room_id
    raise refuse(ErrorCode.ROOM_UNKNOWN, f"no room {room!r} of {source} was imported before", field="room")
