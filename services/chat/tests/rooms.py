"""A client of the requests about rooms."""

from typing import Any

from opsroom_contracts import endpoints
from opsroom_contracts.chat.rooms import (
    AddMembersRequest,
    ChangeRoomRequest,
    CreateRoomRequest,
    DirectRequest,
    ExpelRequest,
    JoinRoomRequest,
    LeaveRoomRequest,
    MembershipReply,
    Room,
    RoomMembersRequest,
    RoomReply,
    RoomsRequest,
)
from opsroom_messaging.client.request_client import RequestClient


class Rooms:
    """Requests of people, who are given by their ids."""

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def create(self, user_id: str, name: str, key: str | None = None, **more: Any) -> Room:
        request = CreateRoomRequest(user_id=user_id, client_id=key or f"room {name}", name=name, **more)
        return (await self._requester.request(endpoints.CREATE_ROOM, request)).room

    async def change(self, user_id: str, room: str, **changes: Any) -> Room:
        request = ChangeRoomRequest(user_id=user_id, room=room, **changes)
        return (await self._requester.request(endpoints.CHANGE_ROOM, request)).room

    async def direct(self, user_id: str, *users: str) -> RoomReply:
        return await self._requester.request(endpoints.DIRECT, DirectRequest(user_id=user_id, users=users))

    async def join(self, user_id: str, room: str) -> MembershipReply:
        return await self._requester.request(endpoints.JOIN_ROOM, JoinRoomRequest(user_id=user_id, room=room))

    async def leave(self, user_id: str, room: str) -> MembershipReply:
        request = LeaveRoomRequest(user_id=user_id, room=room)
        return await self._requester.request(endpoints.LEAVE_ROOM, request)

    async def invite(self, user_id: str, room: str, *users: str) -> MembershipReply:
        request = AddMembersRequest(user_id=user_id, room=room, users=users)
        return await self._requester.request(endpoints.ADD_MEMBERS, request)

    async def expel(self, user_id: str, room: str, user: str, *, moderator: bool = False) -> MembershipReply:
        request = ExpelRequest(user_id=user_id, room=room, user=user, moderator=moderator)
        return await self._requester.request(endpoints.EXPEL, request)

    async def of(self, user_id: str | None) -> dict[str, str | None]:
        """The names of the rooms that a person may see, and the role that they have there."""
        found: dict[str, str | None] = {}
        after: str | None = None
        while True:
            request = RoomsRequest(user_id=user_id, after=after, limit=2)
            reply = await self._requester.request(endpoints.ROOMS, request)
            found |= {view.room.name or view.room.id: view.role for view in reply.rooms}
            if reply.next is None:
                return found
            after = reply.next

    async def members(self, user_id: str, room: str) -> dict[str, str]:
        """The names of the members of a room, and their roles."""
        found: dict[str, str] = {}
        after: str | None = None
        while True:
            request = RoomMembersRequest(user_id=user_id, room=room, after=after, limit=2)
            reply = await self._requester.request(endpoints.ROOM_MEMBERS, request)
            found |= {member.user.name: member.role.value for member in reply.members}
            if reply.next is None:
                return found
            after = reply.next
