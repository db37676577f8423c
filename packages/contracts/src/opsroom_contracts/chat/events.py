"""Stored events of the chat, on ``chat.events.<room>.log.<shard>``, and what services derive from them.

The shard follows from the message's id. An event replaces the one before it with the same id, whose text is
then erased. Before decision 0050, each message was stored on its own subject, ``chat.events.<room>.<id>``.

To add an event, add a model with its own ``version`` and ``type``, a member of :data:`ChatEvent`, and an
entry in :data:`CHAT_EVENT`. The type checker then reports every function that does not handle it;
CONTRIBUTING.md lists the other files.
"""

from typing import Literal, assert_never

from opsroom_contracts.chat.files import Files
from opsroom_contracts.chat.frames import MessageFrame, RemovedFrame, StoredFrame
from opsroom_contracts.chat.models import Message, SentText, User
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.serialization.model import (
    ClientId,
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
    copy_fields,
)
from opsroom_contracts.serialization.versions import StoredContract, StoredUnion


class MessageEvent(Model):
    """A stored message, on ``chat.events.<room>.log.<shard>``.

    ``members_seq``: in rooms that not everybody is in, the sequence of ``MEMBERS`` by which its sender was a
    member. A reader's gateway must have seen that, too, so that it knows who was removed before. Releases
    without such rooms can't read these messages, and show them to nobody. The same is true for ``files``.
    """

    version: Literal[1] = 1
    type: Literal["message"] = "message"
    id: Identifier
    room: RoomName
    user: User
    text: SentText
    timestamp: Timestamp
    client_id: ClientId | None = None
    raw: LegacyFrame | None = None
    members_seq: Sequence | None = None
    files: Files | None = None


class MessageRemoved(Model):
    """A tombstone that replaces a removed message: on the shard of its id, at the end of the stream.

    ``message_seq`` and ``sent_at``: sequence and timestamp of the removed message. ``members_seq``: as in
    :class:`MessageEvent`.
    """

    version: Literal[1] = 1
    type: Literal["removed"] = "removed"
    id: Identifier
    room: RoomName
    message_seq: Sequence
    sent_at: Timestamp
    timestamp: Timestamp
    members_seq: Sequence | None = None


ChatEvent = MessageEvent | MessageRemoved

MESSAGE_EVENT = StoredContract(MessageEvent)
MESSAGE_REMOVED = StoredContract(MessageRemoved)
CHAT_EVENT: StoredUnion[ChatEvent] = StoredUnion({"message": MESSAGE_EVENT, "removed": MESSAGE_REMOVED})


def message_of(event: ChatEvent, seq: int) -> Message | None:
    """Return the message of the history that an event stored at ``seq`` leaves; None if it is removed."""
    match event:
        case MessageEvent():
            return copy_fields(event, Message, seq=seq)
        case MessageRemoved():
            return None
        case _:
            assert_never(event)


def replaced_seq(event: ChatEvent) -> int | None:
    """Return the sequence of the event that ``event`` replaces; None if it is the first of its message."""
    match event:
        case MessageEvent():
            return None
        case MessageRemoved():
            return event.message_seq
        case _:
            assert_never(event)


def frame_of(event: ChatEvent, seq: int) -> StoredFrame:
    """Convert a stored event at ``seq`` to a client frame."""
    match event:
        case MessageEvent():
            return copy_fields(event, MessageFrame, seq=seq)
        case MessageRemoved():
            return copy_fields(event, RemovedFrame, seq=seq)
        case _:
            assert_never(event)
