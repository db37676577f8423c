"""Rules of edits and removals: the event that replaces a message.

Pure functions: each returns the new event, or None if nothing has to change, or refuses.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from opsroom_contracts.chat.events import MessageEdited, MessageEvent, MessageRemoved, MessageState
from opsroom_contracts.chat.models import EDIT_KEYS_MAX, EditRequest, Mentions
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import copy_fields, to_milliseconds
from opsroom_contracts.text import is_blank

Readable = MessageEvent | MessageEdited
"""The last event of a message that is not removed."""


def unknown(room: str, message_id: str) -> FaultError:
    """Return the refusal of a request about a message that is not there, or is removed."""
    return refuse(ErrorCode.MESSAGE_UNKNOWN, f"there is no message {message_id} in room {room}", field="id")


def readable(event: MessageState) -> Readable:
    """Return the event of a message that has a text.

    Raises:
        FaultError: ``message_unknown``: it is removed.
    """
    if isinstance(event, MessageRemoved):
        raise unknown(event.room, event.id)
    return event


def place_of(event: MessageState, seq: int) -> int:
    """Return the sequence of the message's first event. ``seq``: that of ``event``."""
    return seq if isinstance(event, MessageEvent) else event.message_seq


def sent_at(event: MessageState) -> datetime:
    """Return when the message was sent."""
    return event.timestamp if isinstance(event, MessageEvent) else event.sent_at


@dataclass(frozen=True, slots=True)
class NewText:
    """What an edit is about. ``mentions``: those of the new text. ``members_seq``: that of the event."""

    request: EditRequest
    mentions: Mentions | None = None
    members_seq: int | None = None


def edit(last: MessageState, seq: int, new: NewText, now: datetime) -> MessageEdited | None:
    """Return the message with the requested text; None if it has it, or has had it by this request before.

    ``last``, ``seq``: the last event of the message, and its sequence.

    Raises:
        FaultError: ``message_unknown``; ``forbidden``: somebody else wrote it; ``invalid_request``: the text
            is blank, and there are no files; or it is a command.
    """
    event, request = readable(last), new.request
    _check_author(event, request.user_id, "edit")
    if event.command is not None:
        raise refuse(ErrorCode.INVALID_REQUEST, "id: a command can't be edited", field="id")
    if is_blank(request.text) and not event.files:
        raise refuse(ErrorCode.INVALID_REQUEST, "text: must not be blank", field="text")
    key = edit_key(request.client_id)
    known = event.edit_keys if isinstance(event, MessageEdited) else ()
    if event.text == request.text or key in known:
        return None
    return copy_fields(
        event,
        MessageEdited,
        text=request.text,
        mentions=new.mentions,
        message_seq=place_of(event, seq),
        sent_at=sent_at(event),
        timestamp=to_milliseconds(now),
        replaced_seq=seq,
        edit_keys=(*known, key)[-EDIT_KEYS_MAX:],
        members_seq=new.members_seq,
    )


def delete(last: MessageState, seq: int, user_id: str, now: datetime) -> MessageRemoved | None:
    """Return the tombstone of a message that its author deletes; None if it is removed already.

    Raises:
        FaultError: ``forbidden``: somebody else wrote it.
    """
    if isinstance(last, MessageRemoved):
        return None
    _check_author(last, user_id, "delete")
    return removal(last, seq, now, by_author=True)


def removal(event: Readable, seq: int, now: datetime, *, by_author: bool | None = None) -> MessageRemoved:
    """Return the tombstone of a message. ``seq``: the sequence of its last event, ``event``."""
    return MessageRemoved(
        id=event.id,
        room=event.room,
        message_seq=place_of(event, seq),
        sent_at=sent_at(event),
        timestamp=to_milliseconds(now),
        members_seq=event.members_seq,
        replaced_seq=None if isinstance(event, MessageEvent) else seq,
        by_author=by_author,
        thread=event.thread,
    )


def _check_author(event: Readable, user_id: str, verb: str) -> None:
    if event.user.id != user_id:
        raise refuse(ErrorCode.FORBIDDEN, f"only its author may {verb} a message", field="id")


def edit_key(client_id: str) -> str:
    """Return what a message remembers of the idempotency key of an edit."""
    return hashlib.blake2b(client_id.encode(), digest_size=8).hexdigest()
