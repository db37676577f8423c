"""Rules of rooms and memberships. Pure: each takes what is stored and returns what to store."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.rooms import (
    DIRECT_MAX,
    ROOM_NAME_MAX,
    ROOMS_OF_PERSON_MAX,
    Membership,
    PersonRooms,
    Room,
    RoomKind,
    RoomRole,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.text import NameRuleError, clean_name, stored_form

_ID_CHARACTERS = 24
_CREATED_PREFIX, _DIRECT_PREFIX = "r-", "d-"


def room_id(user_id: str, client_id: str) -> str:
    """Derive a room's id from its creator and the request's key, so that a retry gets the same room."""
    return _CREATED_PREFIX + _digest(f"{user_id}/{client_id}")


def direct_id(user_ids: Iterable[str]) -> str:
    """Derive the id of the direct room of exactly these people."""
    return _DIRECT_PREFIX + _digest("/".join(sorted(set(user_ids))))


def name_key(name: str) -> str:
    """Return the digest under which a room's name is claimed; names that count as the same share it."""
    return hashlib.sha256(stored_form(name).encode()).hexdigest()[:32]


def clean_room_name(raw: str) -> str:
    """Validate a room's name and return it composed and with single spaces.

    Raises:
        FaultError: ``name_invalid``.
    """
    try:
        return clean_name(raw, ROOM_NAME_MAX)
    except NameRuleError as error:
        raise refuse(ErrorCode.NAME_INVALID, str(error), field="name") from None


def unknown(room: str) -> FaultError:
    """Return the error for a room that doesn't exist, or that this person must not know of."""
    return refuse(ErrorCode.ROOM_UNKNOWN, f"there is no room {room!r} that you can see", field="room")


def may_see(room: Room, membership: Membership | None) -> bool:
    """Whether a person may see the room, and read its messages."""
    match room.kind:
        case RoomKind.OPEN | RoomKind.PUBLIC:
            return True
        case RoomKind.PRIVATE | RoomKind.DIRECT:
            return membership is not None


def check_may_send(room: Room, membership: Membership | None) -> None:
    """Check that a person may send to the room.

    Raises:
        FaultError: ``room_unknown``; ``forbidden``: not a member, or the room is archived.
    """
    if not may_see(room, membership):
        raise unknown(room.id)
    check_not_archived(room)
    if room.kind is not RoomKind.OPEN and membership is None:
        raise refuse(ErrorCode.FORBIDDEN, "join this room before you send to it", field="room")


def check_not_archived(room: Room) -> None:
    """Check that the room takes messages.

    Raises:
        FaultError: ``forbidden``: the room is archived.
    """
    if room.archived:
        raise refuse(ErrorCode.FORBIDDEN, "this room is archived: it can be read only", field="room")


def check_may_change(room: Room, membership: Membership | None, *, moderator: bool) -> None:
    """Check that a person may change the room or remove members.

    Moderators may change public rooms. What happens in private ones is up to their owners.

    Raises:
        FaultError: ``room_unknown``; ``forbidden``: not an owner, or a kind that can't be changed.
    """
    if not may_see(room, membership):
        raise unknown(room.id)
    if room.kind in {RoomKind.OPEN, RoomKind.DIRECT}:
        raise refuse(ErrorCode.FORBIDDEN, f"rooms of kind {room.kind.value} can't be changed", field="room")
    is_owner = membership is not None and membership.role is RoomRole.OWNER
    if not is_owner and not (moderator and room.kind is RoomKind.PUBLIC):
        raise refuse(ErrorCode.FORBIDDEN, "only an owner of this room may do that", field="room")


def check_may_invite(room: Room, membership: Membership | None) -> None:
    """Check that a person may add others to the room.

    Raises:
        FaultError: ``room_unknown``; ``forbidden``: not a member, archived, or a kind without invitations.
    """
    check_may_send(room, membership)
    if room.kind in {RoomKind.OPEN, RoomKind.DIRECT}:
        raise refuse(ErrorCode.FORBIDDEN, f"nobody is invited to {room.kind.value} rooms", field="room")


def check_may_join(room: Room) -> None:
    """Check that anybody may join.

    Raises:
        FaultError: ``room_unknown``: it is private or direct; ``forbidden``: it is archived or open.
    """
    if room.kind in {RoomKind.PRIVATE, RoomKind.DIRECT}:
        raise unknown(room.id)
    if room.kind is RoomKind.OPEN:
        raise refuse(ErrorCode.FORBIDDEN, "everybody is in this room already", field="room")
    if room.archived:
        raise refuse(ErrorCode.FORBIDDEN, "this room is archived", field="room")


def check_may_leave(room: Room) -> None:
    """Check that members may leave.

    Raises:
        FaultError: ``forbidden``: an open or direct room.
    """
    if room.kind in {RoomKind.OPEN, RoomKind.DIRECT}:
        raise refuse(ErrorCode.FORBIDDEN, f"nobody can leave {room.kind.value} rooms", field="room")


def direct_users(user_id: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return the people of a direct room.

    Raises:
        FaultError: ``invalid_request``: nobody else is named, or too many are.
    """
    users = tuple(sorted({user_id, *others}))
    if not 2 <= len(users) <= DIRECT_MAX:
        message = (
            f"users: names {len(users) - 1} other people; 1 to {DIRECT_MAX - 1} can talk directly with you"
        )
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="users")
    return users


def joined(person: PersonRooms, room: str, membership: Membership) -> PersonRooms:
    """Return the record of a person who has joined; unchanged if they are in already.

    Raises:
        FaultError: ``invalid_request``: they are in too many rooms.
    """
    if room in person.rooms:
        return person
    if len(person.rooms) >= ROOMS_OF_PERSON_MAX:
        message = f"{person.user.name} is in {ROOMS_OF_PERSON_MAX} rooms, which is the limit"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="room")
    return person.model_copy(update={"rooms": {**person.rooms, room: membership}})


def left(person: PersonRooms, room: str) -> PersonRooms:
    """Return the record of a person who has left; unchanged if they are not in."""
    if room not in person.rooms:
        return person
    return person.model_copy(update={"rooms": {key: one for key, one in person.rooms.items() if key != room}})


def promoted(person: PersonRooms, room: str) -> PersonRooms:
    """Return the record of a person who has become an owner; unchanged if they are not in."""
    membership = person.rooms.get(room)
    if membership is None:
        return person
    owner = membership.model_copy(update={"role": RoomRole.OWNER})
    return person.model_copy(update={"rooms": {**person.rooms, room: owner}})


def role_of_joiner(members: Mapping[str, Membership]) -> RoomRole:
    """Return the role of somebody who joins a room with these members: who joins an empty one owns it."""
    return RoomRole.MEMBER if members else RoomRole.OWNER


def next_owner(members: Mapping[str, Membership], leaving: str) -> str | None:
    """Return who becomes the owner when ``leaving`` goes, who joined first; None: nobody has to."""
    staying = {user_id: one for user_id, one in members.items() if user_id != leaving}
    if any(one.role is RoomRole.OWNER for one in staying.values()):
        return None
    return min(staying, key=lambda user_id: (staying[user_id].joined_at, user_id), default=None)


def changed(room: Room, *, name: str | None, description: str | None, archived: bool | None) -> Room:
    """Return the room with what is given; an empty description removes it."""
    update: dict[str, object] = {}
    if name is not None:
        update["name"] = name
    if description is not None:
        update["description"] = description.strip() or None
    if archived is not None:
        update["archived"] = archived
    return room.model_copy(update=update)


def new_room(
    room: str, kind: RoomKind, name: str | None, description: str | None, by: User, now: datetime
) -> Room:
    """Return a new room."""
    return Room(
        id=room,
        kind=kind,
        name=name,
        description=(description or "").strip() or None,
        created_by=by,
        created_at=to_milliseconds(now),
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS]
