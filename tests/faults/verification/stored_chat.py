"""What the observer records of the events of the chat and of the records of memberships."""

from typing import assert_never

from opsroom_contracts.chat.events import (
    CHAT_EVENT,
    MessageEdited,
    MessageEvent,
    MessageRemoved,
    PinChanged,
    ReactionChanged,
)
from opsroom_contracts.chat.models import Mentions
from opsroom_contracts.chat.rooms import PersonRooms
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from tests.faults.clients.texts import key_of
from tests.faults.verification.history import ChatLife, digest
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.team_history import ChangeKind, Roster, Stay, StoredChange

EVERYBODY = "*"
"""In place of a person's id: a message mentions everybody in its room."""


def record_event(life: ChatLife, stored: StreamMessage) -> None:
    """Add a stored event to the life of the stream."""
    event = CHAT_EVENT.read(stored.data)
    if isinstance(event, MessageEvent | MessageRemoved):
        life.messages.append(_message(life, event, stored))
    else:
        life.team.changes.append(_change(event, stored))


def _message(life: ChatLife, event: MessageEvent | MessageRemoved, stored: StreamMessage) -> StoredMessage:
    at, members = stored.at.timestamp(), event.members_seq or 0
    if isinstance(event, MessageRemoved):
        removed = next((one.key for one in life.removals if one.seq == event.message_seq), "")
        return StoredMessage(
            stored.seq, removed, at, event.room, removes=event.message_seq, ident=event.id, members=members
        )
    return _whole(event, stored.seq, at)


def _whole(event: MessageEvent | MessageEdited, place: int, at: float) -> StoredMessage:
    return StoredMessage(
        place,
        key_of(event.text),
        at,
        event.room,
        event.user.name,
        digest(event.text),
        user=event.user.id,
        ident=event.id,
        members=event.members_seq or 0,
        thread=event.thread or "",
        hidden=event.thread is not None and not event.broadcast,
        files=tuple(file.id for file in event.files or ()),
        mentions=mentioned(event.mentions),
    )


def mentioned(mentions: Mentions | None) -> frozenset[str]:
    """Return the ids of those who are mentioned, and ``EVERYBODY`` for all in the room."""
    if mentions is None:
        return frozenset()
    return frozenset(mentions.users) | ({EVERYBODY} if mentions.everybody else set())


def _change(event: MessageEdited | ReactionChanged | PinChanged, stored: StreamMessage) -> StoredChange:
    kind, at, members = ChangeKind(event.type), stored.at.timestamp(), event.members_seq or 0
    match event:
        case MessageEdited():
            return StoredChange(
                stored.seq,
                kind,
                event.message_seq,
                event.room,
                event.user.id,
                at,
                members,
                message=_whole(event, event.message_seq, at),
                replaced=event.replaced_seq,
            )
        case ReactionChanged():
            return StoredChange(
                stored.seq,
                kind,
                event.message_seq,
                event.room,
                event.user.id,
                at,
                members,
                emoji=event.emoji,
                on=event.on,
                count=event.count,
            )
        case PinChanged():
            return StoredChange(
                stored.seq, kind, event.message_seq, event.room, event.user.id, at, members, on=event.on
            )
        case _:
            assert_never(event)


def record_rooms(roster: Roster, person: PersonRooms, stored: StreamMessage) -> None:
    """Add what the record of a person's rooms changes."""
    user, at = person.user.id, stored.at.timestamp()
    there = {stay.room: stay for stay in roster.stays if stay.user == user and stay.end > stored.seq}
    for room, stay in there.items():
        if room not in person.rooms:
            stay.end, stay.left = stored.seq, at
    roster.stays += [Stay(user, room, stored.seq, at) for room in person.rooms if room not in there]
