"""Keys of messages in the index, and what the index keeps of each event."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import assert_never

from pydantic_core import from_json

from opsroom_chat.log.details import THREADS, Detail, Kind, reply_name
from opsroom_contracts.chat.events import (
    CHAT_EVENT,
    ChatEvent,
    MessageEdited,
    MessageEvent,
    MessageRemoved,
    PinChanged,
    ReactionChanged,
)
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import is_log_subject

KEY_BYTES = 16
"""Of a hundred million messages, two have the same key with a probability of 1 : 10^23."""
_ROOM, _FORMER_ID = 2, 3
"""Places in the subject ``chat.events.<room>.<id>``."""
_PLAIN = "message"
"""The type of the events that leave no details, unless they are replies."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index keeps of one event: its keys, and what it says about earlier messages."""

    key: bytes
    details: tuple[Detail, ...] = ()
    more: tuple[bytes, ...] = ()


def message_key(room: str, message_id: str) -> bytes:
    """Return the key of a message: a digest, so that the index holds no ids."""
    return blake2b(f"{room}/{message_id}".encode(), digest_size=KEY_BYTES).digest()


def reactions_key(room: str, message_id: str) -> bytes:
    """Return the key of the last reaction to a message. No id contains a slash."""
    return message_key(room, f"{message_id}/reactions")


def pin_key(room: str, message_id: str) -> bytes:
    """Return the key of the last event that pinned or unpinned a message."""
    return message_key(room, f"{message_id}/pin")


def pins_key(room: str) -> bytes:
    """Return the key of the last event that pinned or unpinned any message of a room."""
    return blake2b(f"{room}/pins".encode(), digest_size=KEY_BYTES).digest()


def stored_key(subject: str, payload: bytes) -> bytes | None:
    """Return the key of the message that a stored event is the state of; None if the event has no id."""
    return key_of(subject, stored_fields(payload))


def stored_fields(payload: bytes) -> Mapping[str, object]:
    """Return the fields of a stored event; none if it is malformed.

    Contracts are not applied: an event of a newer release, or a malformed one, has its id as well.
    """
    try:
        event = from_json(payload)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def key_of(subject: str, event: Mapping[str, object]) -> bytes | None:
    """Return the key of the message that an event with these fields belongs to; None if it has no id."""
    tokens = subject.split(".")
    if not is_log_subject(subject):
        return message_key(tokens[_ROOM], tokens[_FORMER_ID]) if len(tokens) == _FORMER_ID + 1 else None
    found = event.get("id")
    return message_key(tokens[_ROOM], found) if isinstance(found, str) else None


def room_of(subject: str) -> str:
    """Return the room of a stored event."""
    return subject.split(".")[_ROOM]


def indexed(subject: str, fields: Mapping[str, object], payload: bytes, seq: int) -> Indexed | None:
    """Return what the index keeps of the event stored at ``seq``; None: nothing.

    ``fields``: those of the payload, as ``stored_fields`` returns them.
    """
    key = key_of(subject, fields)
    is_plain = fields.get("type", _PLAIN) == _PLAIN and "thread" not in fields
    if not is_log_subject(subject) or is_plain:
        return None if key is None else Indexed(key)
    try:
        event = CHAT_EVENT.read(payload)
    except ContractError:
        return None if key is None else Indexed(key)
    more = (pins_key(event.room),) if isinstance(event, PinChanged) else ()
    return Indexed(_key_of(event), _details_of(event, seq), more)


def _key_of(event: ChatEvent) -> bytes:
    match event:
        case MessageEvent() | MessageEdited() | MessageRemoved():
            return message_key(event.room, event.id)
        case ReactionChanged():
            return reactions_key(event.room, event.message_id)
        case PinChanged():
            return pin_key(event.room, event.message_id)
        case _:
            assert_never(event)


def _details_of(event: ChatEvent, seq: int) -> tuple[Detail, ...]:
    room = event.room
    match event:
        case MessageEvent():
            return _reply(event, seq, seq)
        case MessageEdited():
            return (Detail(room, event.message_seq, Kind.MOVED, seq), *_reply(event, event.message_seq, seq))
        case MessageRemoved():
            moved = Detail(room, event.message_seq, Kind.MOVED, seq, gone=True)
            if event.thread is None:
                return (moved,)
            name = reply_name(event.thread, event.message_seq)
            return moved, Detail(room, THREADS, Kind.REPLY, seq, gone=True, name=name)
        case ReactionChanged():
            name = f"{event.emoji} {event.user.id}"
            return (Detail(room, event.message_seq, Kind.REACTION, seq, not event.on, name, event.user.name),)
        case PinChanged():
            return (Detail(room, event.message_seq, Kind.PIN, seq, gone=not event.on),)
        case _:
            assert_never(event)


def _reply(event: MessageEvent | MessageEdited, place: int, seq: int) -> tuple[Detail, ...]:
    if event.thread is None:
        return ()
    name, value = reply_name(event.thread, place), f"{event.user.id} {event.user.name}"
    return (Detail(event.room, THREADS, Kind.REPLY, seq, name=name, value=value),)
