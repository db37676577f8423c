"""Who may send to a room and read it, with what is true when the request arrives."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from opsroom_chat.domain import rooms as rules
from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.errors import ErrorCode, refuse


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
        if record is None or user_id is None:
            self._refuse(room)
        rules.check_may_send(record, index.membership(user_id, room))
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

    def _refuse(self, room: str) -> NoReturn:
        rooms = ", ".join(sorted(self._open))
        message = f"there is no room {room!r} that you can see; everybody can see: {rooms}"
        raise refuse(ErrorCode.ROOM_UNKNOWN, message, field="room")
