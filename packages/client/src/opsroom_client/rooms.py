"""Rooms that not everybody is in, and their members."""

from collections.abc import Sequence
from uuid import uuid4

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.reads import Unread
from opsroom_contracts.chat.rooms import Room, RoomMember, RoomMembersReply, RoomsReply, RoomView
from opsroom_contracts.http import NewDirectRoom, NewMembers, NewRead, NewRoom, RoomPatch


class Rooms:
    """Requires the token of a registered user. Methods raise the same as :meth:`Requests.request`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def list(self) -> tuple[RoomView, ...]:
        """The rooms that everybody is in, public ones, and the user's own."""
        found: tuple[RoomView, ...] = ()
        after: dict[str, str | int] | None = None
        while True:
            page = await self._requests.request(Call("GET", "/chat/rooms", params=after), RoomsReply)
            found += page.rooms
            if page.next is None:
                return found
            after = {"after": page.next}

    async def create(self, name: str, *, description: str | None = None, private: bool = False) -> Room:
        """Create a room; the user is its owner."""
        with validating_request():
            body = NewRoom(name=name, description=description, private=private)
        return await self._requests.request(Call("POST", "/chat/rooms", body=body, key=uuid4().hex), Room)

    async def direct(self, users: Sequence[str]) -> Room:
        """The direct room of the user and these people (ids); created unless it exists."""
        with validating_request():
            body = NewDirectRoom(users=tuple(users))
        return await self._requests.request(Call("POST", "/chat/direct", body=body), Room)

    async def change(
        self,
        room: str,
        *,
        name: str | None = None,
        description: str | None = None,
        archived: bool | None = None,
    ) -> Room:
        """Rename, describe or archive a room; an empty description removes it."""
        with validating_request():
            body = RoomPatch(name=name, description=description, archived=archived)
        return await self._requests.request(Call("PATCH", f"/chat/rooms/{room}", body=body), Room)

    async def unread(self) -> Unread:
        """What the user has not read in each of their rooms."""
        return await self._requests.request(Call("GET", "/chat/unread"), Unread)

    async def read(self, room: str, seq: int) -> Unread:
        """Note that everything up to ``seq`` is read, on all devices; a lower position changes nothing."""
        with validating_request():
            body = NewRead(seq=seq)
        return await self._requests.request(Call("PUT", f"/chat/rooms/{room}/read", body=body), Unread)

    async def join(self, room: str) -> None:
        """Join a public room."""
        await self._requests.send(Call("POST", f"/chat/rooms/{room}/join"))

    async def leave(self, room: str) -> None:
        """Leave a room."""
        await self._requests.send(Call("POST", f"/chat/rooms/{room}/leave"))

    async def invite(self, room: str, users: Sequence[str]) -> None:
        """Add people (ids) to a room."""
        with validating_request():
            body = NewMembers(users=tuple(users))
        await self._requests.send(Call("POST", f"/chat/rooms/{room}/invite", body=body))

    async def remove(self, room: str, user_id: str) -> None:
        """Remove a member."""
        await self._requests.send(Call("DELETE", f"/chat/rooms/{room}/members/{user_id}"))

    async def members(self, room: str) -> tuple[RoomMember, ...]:
        """The members of a room, sorted by id."""
        found: tuple[RoomMember, ...] = ()
        after: dict[str, str | int] | None = None
        while True:
            call = Call("GET", f"/chat/rooms/{room}/members", params=after)
            page = await self._requests.request(call, RoomMembersReply)
            found += page.members
            if page.next is None:
                return found
            after = {"after": page.next}
