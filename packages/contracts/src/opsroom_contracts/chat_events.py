"""Stored events of the chat, on ``chat.events.<room>.<id>``, and their conversion to client frames.

To add an event, add a model with its own ``version`` and ``type``, a member of :data:`ChatEvent`, and an
entry in :data:`CHAT_EVENT`. The type checker then reports every place that does not handle it.
"""

from typing import Literal, assert_never

from opsroom_contracts.chat import Message, Text, User
from opsroom_contracts.frames import MessageFrame, RemovedFrame
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.model import ClientId, Identifier, Model, RoomName, Sequence, Timestamp, copy_fields
from opsroom_contracts.versions import StoredContract, StoredUnion


class MessageEvent(Model):
    """A stored message, on ``chat.events.<room>.<id>``."""

    version: Literal[1] = 1
    type: Literal["message"] = "message"
    id: Identifier
    room: RoomName
    user: User
    text: Text
    timestamp: Timestamp
    client_id: ClientId | None = None
    raw: LegacyFrame | None = None


class MessageRemoved(Model):
    """A tombstone that replaces a removed message: on the same subject, at the end of the stream.

    ``message_seq`` and ``sent_at``: sequence and timestamp of the removed message.
    """

    version: Literal[1] = 1
    type: Literal["removed"] = "removed"
    id: Identifier
    room: RoomName
    message_seq: Sequence
    sent_at: Timestamp
    timestamp: Timestamp


ChatEvent = MessageEvent | MessageRemoved

MESSAGE_EVENT = StoredContract(MessageEvent)
MESSAGE_REMOVED = StoredContract(MessageRemoved)
CHAT_EVENT: StoredUnion[ChatEvent] = StoredUnion({"message": MESSAGE_EVENT, "removed": MESSAGE_REMOVED})


def message_of(event: MessageEvent, seq: int) -> Message:
    """Convert a stored message at ``seq`` to a message of the history."""
    return copy_fields(event, Message, seq=seq)


def frame_of(event: ChatEvent, seq: int) -> MessageFrame | RemovedFrame:
    """Convert a stored event at ``seq`` to a client frame."""
    match event:
        case MessageEvent():
            return copy_fields(event, MessageFrame, seq=seq)
        case MessageRemoved():
            return copy_fields(event, RemovedFrame, seq=seq)
        case _:
            assert_never(event)
