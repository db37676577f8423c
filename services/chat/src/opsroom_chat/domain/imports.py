"""Rules of imports: which ids, names and events follow from records of a source. Pure functions."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime

from opsroom_chat.domain.tokens import message_id
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.imports import SourceMessage, SourcePerson, SourceReaction, SourceRoom
from opsroom_contracts.chat.models import REACTIONS_MAX, REACTORS_MAX, Imported, Message, Reactions, User
from opsroom_contracts.chat.rooms import DESCRIPTION_MAX, ROOM_NAME_MAX, Room, RoomKind
from opsroom_contracts.identity import IMPORTED_ID_PREFIX
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.text import NAME_MAX, NameRuleError, clean_name, clip

_ID_CHARACTERS = 24


def room_id_of(source: str, room: str, *, is_direct: bool) -> str:
    """Return the id of an imported room. It has the form of a room that a person created."""
    return f"{'d' if is_direct else 'r'}-{_digest('room', source, room)}"


def message_id_of(source: str, room: str, message: str) -> str:
    """Return the id of an imported message. ``room`` and ``message``: their ids in the source."""
    return message_id(f"import/{source}/{room}", message)


def user_of(source: str, person: SourcePerson) -> User:
    """Return who a person is here: the user with their account, or somebody who can't sign in."""
    digest = _digest("person", source, person.id)
    user_id = person.account or f"{IMPORTED_ID_PREFIX}{digest}"
    return User(id=user_id, name=_valid(person.name, NAME_MAX) or f"user-{digest[:8]}")


def new_room(source: str, room: SourceRoom, name: str | None, by: User | None, now: datetime) -> Room:
    """Return the room as it is stored when it is imported first."""
    kind = RoomKind(room.kind)
    return Room(
        id=room_id_of(source, room.id, is_direct=kind is RoomKind.DIRECT),
        kind=kind,
        name=name,
        description=clip((room.description or "").strip(), DESCRIPTION_MAX) or None,
        archived=room.archived,
        created_by=by,
        created_at=room.created_at or to_milliseconds(now),
    )


def room_names(source: str, room: SourceRoom) -> Iterator[str]:
    """Yield names for a room, the best first: its own, and ones that are free if that is taken."""
    own = _valid(room.name or "", ROOM_NAME_MAX)
    digest = _digest("room", source, room.id)
    if own is not None:
        yield own
        origin = source.partition(".")[0]
        for suffix in (f" ({origin})", f" ({digest[:8]})"):
            yield own[: ROOM_NAME_MAX - len(suffix)].rstrip() + suffix
    yield f"room-{digest[:8]}"


def event_of(source: str, message: SourceMessage, rooms: dict[str, str], now: datetime) -> MessageEvent:
    """Return what to store. ``rooms``: the ids of rooms by their ids in the source."""
    room = rooms[message.room]
    imported = Imported(
        source=source,
        at=to_milliseconds(now),
        edited_at=message.edited_at,
        reactions=tuple(_reactions(source, one) for one in message.reactions) or None,
    )
    return MessageEvent(
        id=message_id_of(source, message.room, message.id),
        room=room,
        user=user_of(source, message.person),
        text=message.text,
        timestamp=message.timestamp,
        thread=None if message.thread is None else message_id_of(source, message.room, message.thread),
        broadcast=message.broadcast or None,
        imported=imported,
    )


def all_reactions(message: Message, since: tuple[Reactions, ...] | None) -> tuple[Reactions, ...] | None:
    """Return the reactions to a message: those that it was imported with, and those ``since``."""
    imported = None if message.imported is None else message.imported.reactions
    if not imported:
        return since
    later = {one.emoji: one for one in since or ()}
    merged = [_merged(one, later.pop(one.emoji, None)) for one in imported]
    return (*merged, *later.values())[:REACTIONS_MAX]


def _merged(one: Reactions, later: Reactions | None) -> Reactions:
    if later is None:
        return one
    users = (*one.users, *later.users)[:REACTORS_MAX]
    return Reactions(emoji=one.emoji, count=one.count + later.count, users=users, me=later.me)


def _reactions(source: str, reaction: SourceReaction) -> Reactions:
    users = tuple(user_of(source, person) for person in reaction.people)
    return Reactions(emoji=reaction.emoji, count=len(users), users=users[:REACTORS_MAX])


def _valid(name: str, limit: int) -> str | None:
    try:
        return clean_name(clip(name.strip(), limit), limit)
    except NameRuleError:
        return None


def _digest(kind: str, source: str, key: str) -> str:
    digest = hashlib.sha256(f"import/{kind}/{source}/{key}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS]
