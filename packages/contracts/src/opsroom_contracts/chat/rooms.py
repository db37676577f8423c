"""Rooms of the chat: who may read and send where. Records in ``MEMBERS``, and requests and replies.

A room's id never changes and is in the subjects of its messages; its name may change. Everybody is in the
rooms that the portal is configured with (``general`` is one). Other rooms have members: each person's rooms
are one record, so that a join costs one write, and a socket needs one record to know what it may receive.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.chat.models import User
from opsroom_contracts.serialization.model import (
    ClientId,
    Epoch,
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
)
from opsroom_contracts.serialization.versions import StoredContract

ROOM_NAME_MAX = 64
"""The maximum length of a room's name, in code points of its composed form."""
DESCRIPTION_MAX = 500
"""The maximum length of a room's description, in characters."""
ROOMS_OF_PERSON_MAX = 500
"""The maximum number of rooms that one person is in, beside the open ones."""
INVITED_MAX = 50
"""The maximum number of people that one request invites."""
DIRECT_MAX = 8
"""The maximum number of people who talk directly, the one who begins included."""
MEMBERS_PAGE = 500
"""The maximum number of members on one page."""
ROOMS_PAGE = 500
"""The maximum number of rooms on one page."""

RawRoomName = Annotated[str, Field(max_length=256)]
"""A room's name as typed; the chat service normalizes and validates it."""
RoomTitle = Annotated[str, Field(min_length=1, max_length=ROOM_NAME_MAX)]
Description = Annotated[str, Field(max_length=DESCRIPTION_MAX)]


class RoomKind(StrEnum):
    """Who is in a room."""

    OPEN = "open"
    """Everybody, always: the rooms of the portal's configuration. Nobody can join or leave them."""
    PUBLIC = "public"
    """Those who join; everybody sees that it exists."""
    PRIVATE = "private"
    """Those who are invited; others can't see that it exists."""
    DIRECT = "direct"
    """Two to eight people, always the same ones. It has no name."""


class RoomRole(StrEnum):
    """What a member may do in a room."""

    MEMBER = "member"
    OWNER = "owner"
    """Rename, describe and archive the room, and remove members. Who creates a room is its first owner."""


class Room(Model):
    """A room. ``name``: missing for direct ones. ``archived``: it can be read, but nobody can send."""

    id: RoomName
    kind: RoomKind
    name: RoomTitle | None = None
    description: Description | None = None
    archived: bool = False
    created_by: User | None = None
    created_at: Timestamp | None = None


class RoomRecord(Model):
    """The record of one room that is not open, on ``chat.room-records.<room>``."""

    version: Literal[1] = 1
    room: Room


class Membership(Model):
    """One person's place in one room.

    ``seq``: that of ``CHAT`` when they joined; what is before is read. ``epoch``: that of the sequence, which
    is void in another one.
    """

    role: RoomRole = RoomRole.MEMBER
    joined_at: Timestamp
    seq: Sequence | None = None
    epoch: Epoch | None = None


class PersonRooms(Model):
    """All rooms of one person that are not open, on ``chat.memberships.<user>``."""

    version: Literal[1] = 1
    user: User
    rooms: dict[RoomName, Membership] = Field(default_factory=dict, max_length=ROOMS_OF_PERSON_MAX)


class RoomNameClaim(Model):
    """The room that has a name, on ``chat.room-names.<digest>``.

    It counts only while that room has the name and is not archived.
    """

    version: Literal[1] = 1
    room: RoomName


class CreateRoomRequest(Model):
    """Create a public or private room; its creator is its owner. ``client_id`` is an idempotency key."""

    user_id: Identifier
    client_id: ClientId
    name: RawRoomName
    description: Description | None = None
    private: bool = False


class DirectRequest(Model):
    """Talk directly with ``users``: the room of exactly these people, created unless it exists."""

    user_id: Identifier
    users: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=DIRECT_MAX - 1)]


class ChangeRoomRequest(Model):
    """Change a room; what is missing stays, and an empty description removes it.

    Owners may; ``moderator``: so may this person, as a moderator of the portal.
    """

    user_id: Identifier
    moderator: bool = False
    room: RoomName
    name: RawRoomName | None = None
    description: Description | None = None
    archived: bool | None = None


class RoomReply(Model):
    """The room, and the sequence in ``MEMBERS`` from which the change applies."""

    room: Room
    seq: Sequence


class JoinRoomRequest(Model):
    """Join a public room."""

    user_id: Identifier
    room: RoomName


class LeaveRoomRequest(Model):
    """Leave a room. The member who joined first becomes the owner if nobody else is."""

    user_id: Identifier
    room: RoomName


class AddMembersRequest(Model):
    """Add ``users`` to a room; any member may."""

    user_id: Identifier
    room: RoomName
    users: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=INVITED_MAX)]


class ExpelRequest(Model):
    """Remove ``user`` from a room. ``moderator``: as in :class:`ChangeRoomRequest`."""

    user_id: Identifier
    moderator: bool = False
    room: RoomName
    user: Identifier


class MembershipReply(Model):
    """The sequence in ``MEMBERS`` from which the change applies; 0 if nothing had to change."""

    seq: Sequence


class RoomsRequest(Model):
    """Get a page of the rooms that this person may see, sorted by id: their own, open and public ones."""

    user_id: Identifier | None = None
    after: RoomName | None = None
    limit: Annotated[int, Field(ge=1, le=ROOMS_PAGE)] = ROOMS_PAGE


class RoomView(Model):
    """A room as one person sees it.

    ``role``: missing if they are not a member. ``members``: how many there are. ``people``: who is in a
    direct room, which has no name; the person who reads this included.
    """

    room: Room
    role: RoomRole | None = None
    members: Annotated[int, Field(ge=0)] | None = None
    people: Annotated[tuple[User, ...], Field(max_length=DIRECT_MAX)] | None = None


class RoomsReply(Model):
    """Rooms; ``next`` is the ``after`` of the next page, if there is one."""

    rooms: tuple[RoomView, ...]
    next: RoomName | None = None


class RoomAccessRequest(Model):
    """Ask who may read a room, and whether a person is among its members. For services, not for people."""

    room: RoomName
    user_id: Identifier | None = None


class RoomAccessReply(Model):
    """``kind``: who is in the room. ``member``: whether the person is; always, in a room that is open."""

    kind: RoomKind
    member: bool


class RoomMembersRequest(Model):
    """Get a page of the members of a room, sorted by id, as a person who may read it."""

    user_id: Identifier
    room: RoomName
    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=MEMBERS_PAGE)] = MEMBERS_PAGE


class RoomMember(Model):
    """A member of a room."""

    user: User
    role: RoomRole
    joined_at: Timestamp


class RoomMembersReply(Model):
    """Members; ``next`` is the ``after`` of the next page, if there is one."""

    members: tuple[RoomMember, ...]
    next: Identifier | None = None


class MaySendRequest(Model):
    """Ask whether a person may send to a room; a service asks that before it says something for them."""

    user_id: Identifier
    room: RoomName


class MaySendReply(Model):
    """They may."""

    user: User


ROOM_RECORD = StoredContract(RoomRecord)
ROOM_NAME_CLAIM = StoredContract(RoomNameClaim)
PERSON_ROOMS = StoredContract(PersonRooms)
