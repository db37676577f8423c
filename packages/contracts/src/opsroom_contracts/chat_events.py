"""The stored events of the chat: what ``chat.events.<room>.<id>`` holds, and how clients see each.

A new event is a model with its own ``version`` and ``type``, a member of :data:`ChatEvent`, and an entry in
:data:`CHAT_EVENT`. Type checkers then name every place that does not handle it.
"""

from typing import Literal, assert_never

from opsroom_contracts.chat import LegacyFrame, Message, Text, User
from opsroom_contracts.frames import MessageFrame, RemovedFrame
from opsroom_contracts.model import ClientId, Identifier, Model, RoomName, Sequence, Timestamp, copy_fields
from opsroom_contracts.versions import StoredContract, StoredUnion


class MessageEvent(Model):
    """A stored message: what ``chat.events.<room>.<id>`` holds."""

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
    """What takes a removed message's place: on its subject, at the end of the stream.

    ``message_seq`` and ``sent_at`` are those of the message, which is erased.
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
    """A stored message with its sequence, as history shows it."""
    return copy_fields(event, Message, seq=seq)


def frame_of(event: ChatEvent, seq: int) -> MessageFrame | RemovedFrame:
    """The frame of a stored event with its sequence."""
    match event:
        case MessageEvent():
            return copy_fields(event, MessageFrame, seq=seq)
        case MessageRemoved():
            return copy_fields(event, RemovedFrame, seq=seq)
        case _:
            assert_never(event)
