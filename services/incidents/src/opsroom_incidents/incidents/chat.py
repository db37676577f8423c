"""What incidents ask of the chat service: threads, rooms, and who may send where."""

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, ThreadRequest, User
from opsroom_contracts.chat.rooms import MaySendRequest, RoomAccessRequest, RoomsRequest
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.serialization.model import RoomName
from opsroom_messaging.client.request_client import RequestClient


class ChatRooms:
    """Asks the chat service, which alone knows who is in which room. Methods raise UnavailableError, too."""

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def root(self, room: RoomName, message_id: str, user_id: str | None) -> Message | None:
        """Return the first message of a thread, with the summary of its replies; None: it is removed.

        Raises:
            FaultError: ``room_unknown``: the person may not read it; ``invalid_request``: it is a reply.
        """
        try:
            return await self.message(room, message_id, user_id)
        except FaultError as error:
            if error.fault.code is ErrorCode.MESSAGE_UNKNOWN:  # whether they may read was decided before
                return None
            raise

    async def message(self, room: RoomName, message_id: str, user_id: str | None) -> Message:
        """Return the first message of a thread.

        Raises:
            FaultError: as :meth:`root`; ``message_unknown``: it is removed.
        """
        request = ThreadRequest(room=room, id=message_id, user_id=user_id, limit=1)
        return (await self._requester.request(endpoints.THREAD, request)).root

    async def sender(self, user_id: str, room: RoomName) -> User:
        """Return a person who may send to a room.

        Raises:
            FaultError: ``room_unknown``, ``forbidden``, ``user_unknown``, ``muted``, ``banned``.
        """
        request = MaySendRequest(user_id=user_id, room=room)
        return (await self._requester.request(endpoints.MAY_SEND, request)).user

    async def person(self, user_id: str, room: RoomName) -> User | None:
        """Return a person who is in a room; None: they do not exist, are not in it, or may not write there.

        Raises:
            FaultError: ``room_unknown``: there is no such room.
        """
        request = RoomAccessRequest(room=room, user_id=user_id)
        if not (await self._requester.request(endpoints.ROOM_ACCESS, request)).member:
            return None
        try:
            return await self.sender(user_id, room)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise
            return None

    async def readable(self, user_id: str | None) -> frozenset[RoomName]:
        """Return the ids of the rooms that a person may read."""
        found: set[RoomName] = set()
        after: RoomName | None = None
        while True:
            request = RoomsRequest(user_id=user_id, after=after)
            page = await self._requester.request(endpoints.ROOMS, request)
            found |= {one.room.id for one in page.rooms}
            after = page.next
            if after is None:
                return frozenset(found)
