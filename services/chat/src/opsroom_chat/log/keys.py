"""Keys of messages in the index."""

from collections.abc import Mapping
from hashlib import blake2b

from pydantic_core import from_json

from opsroom_contracts.subjects import is_log_subject

KEY_BYTES = 16
"""Of a hundred million messages, two have the same key with a probability of 1 : 10^23."""
_ROOM, _FORMER_ID = 2, 3
"""Places in the subject ``chat.events.<room>.<id>``."""


def message_key(room: str, message_id: str) -> bytes:
    """Return the key of a message: a digest, so that the index holds no ids."""
    return blake2b(f"{room}/{message_id}".encode(), digest_size=KEY_BYTES).digest()


def stored_key(subject: str, payload: bytes) -> bytes | None:
    """Return the key of the message that a stored event belongs to; None if the event has no id."""
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
