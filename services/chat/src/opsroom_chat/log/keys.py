"""Keys of messages in the index."""

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
    """Return the key of the message that a stored event belongs to; None if the event has no id.

    Only the id of the payload is read: an event of a newer release, or a malformed one, has its id as well.
    """
    tokens = subject.split(".")
    if not is_log_subject(subject):
        return message_key(tokens[_ROOM], tokens[_FORMER_ID]) if len(tokens) == _FORMER_ID + 1 else None
    try:
        event = from_json(payload)
    except ValueError:
        return None
    found = event.get("id") if isinstance(event, dict) else None
    return message_key(tokens[_ROOM], found) if isinstance(found, str) else None
