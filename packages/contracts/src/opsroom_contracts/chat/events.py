"""Stored events of the chat, on ``chat.events.<room>.log.<shard>``, and what services derive from them.

The shard follows from the message's id. An event with an ``id`` replaces the one before it with the same id,
whose text is then erased. Events that name a ``message_id`` add to a message and replace nothing; releases
that don't know them pass over them. Before decision 0050, each message was stored on its own subject,
``chat.events.<room>.<id>``.

To add an event, add a model with its own ``version`` and ``type``, a member of :data:`ChatEvent`, and an
entry in :data:`CHAT_EVENT`. The type checker then reports every function that does not handle it;
CONTRIBUTING.md lists the other files.
"""

from typing import Annotated, Literal, assert_never

from pydantic import Field

from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.frames import (
    EditedFrame,
    MessageFrame,
    PinnedFrame,
    ReactionFrame,
    RemovedFrame,
    StoredFrame,
)
from opsroom_contracts.chat.models import EDIT_KEYS_MAX, Message, MessageOptions, SentText, User
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
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract, StoredUnion


class MessageEvent(MessageOptions):
    """A stored message, on ``chat.events.<room>.log.<shard>``.

    ``members_seq``: in rooms that not everybody is in, the sequence of ``MEMBERS`` by which its sender was a
    member. A reader's gateway must have seen that, too, so that it knows who was removed before. Releases
    without such rooms can't read these messages, and show them to nobody.
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


class MessageEdited(MessageOptions):
    """A message with another text. It is the whole message, since the text before it is erased.

    ``message_seq`` and ``sent_at``: sequence and timestamp of the first event of the message, its place in
    the room. ``replaced_seq``: the sequence of the event before this one, which has the text to erase.
    ``edit_keys``: digests of the idempotency keys of the last edits, this one last. ``members_seq``: as in
    :class:`MessageEvent`.
    """

    version: Literal[1] = 1
    type: Literal["edited"] = "edited"
    id: Identifier
    room: RoomName
    user: User
    text: SentText
    message_seq: Sequence
    sent_at: Timestamp
    timestamp: Timestamp
    replaced_seq: Sequence
    client_id: ClientId | None = None
    edit_keys: Annotated[tuple[Identifier, ...], Field(max_length=EDIT_KEYS_MAX)] = ()
    members_seq: Sequence | None = None


class MessageRemovedV1(Model):
    """The tombstone of a message that was never edited and that a moderator removed, for every release."""

    version: Literal[1] = 1
    type: Literal["removed"] = "removed"
    id: Identifier
    room: RoomName
    message_seq: Sequence
    sent_at: Timestamp
    timestamp: Timestamp
    members_seq: Sequence | None = None


class MessageRemoved(Model):
    """A tombstone that replaces a removed message: on the shard of its id, at the end of the stream.

    ``message_seq`` and ``sent_at``: sequence and timestamp of the removed message. ``replaced_seq``: the
    sequence of the text to erase, if the message was edited. ``by_author``: its author deleted it.
    ``thread``: of a reply. ``members_seq``: as in :class:`MessageEvent`.
    """

    version: Literal[2] = 2
    type: Literal["removed"] = "removed"
    id: Identifier
    room: RoomName
    message_seq: Sequence
    sent_at: Timestamp
    timestamp: Timestamp
    members_seq: Sequence | None = None
    replaced_seq: Sequence | None = None
    by_author: bool | None = None
    thread: Identifier | None = None


class ReactionChanged(Model):
    """``user`` reacts to a message with an emoji, or no longer does (``on`` false).

    ``count``: how many people react with this emoji after this event. ``message_seq``: the place of the
    message. ``members_seq``: as in :class:`MessageEvent`.
    """

    version: Literal[1] = 1
    type: Literal["reaction"] = "reaction"
    message_id: Identifier
    room: RoomName
    message_seq: Sequence
    user: User
    emoji: Emoji
    on: bool
    count: Annotated[int, Field(ge=0)]
    timestamp: Timestamp
    members_seq: Sequence | None = None


class PinChanged(Model):
    """``user`` has pinned a message in its room, or unpinned it (``on`` false)."""

    version: Literal[1] = 1
    type: Literal["pinned"] = "pinned"
    message_id: Identifier
    room: RoomName
    message_seq: Sequence
    user: User
    on: bool
    timestamp: Timestamp
    members_seq: Sequence | None = None


MessageState = MessageEvent | MessageEdited | MessageRemoved
"""The last event of a message with this id: what the message is now."""
ChatEvent = MessageState | ReactionChanged | PinChanged


def _upgrade_removed(old: MessageRemovedV1) -> MessageRemoved:
    return copy_fields(old, MessageRemoved)


MESSAGE_EVENT = StoredContract(MessageEvent)
MESSAGE_EDITED = StoredContract(MessageEdited)
MESSAGE_REMOVED = StoredContract(MessageRemoved, {1: PreviousVersion(MessageRemovedV1, _upgrade_removed)})
MESSAGE_STATE: StoredUnion[MessageState] = StoredUnion(
    {"message": MESSAGE_EVENT, "edited": MESSAGE_EDITED, "removed": MESSAGE_REMOVED}
)
CHAT_EVENT: StoredUnion[ChatEvent] = StoredUnion(
    {
        "message": MESSAGE_EVENT,
        "edited": MESSAGE_EDITED,
        "removed": MESSAGE_REMOVED,
        "reaction": StoredContract(ReactionChanged),
        "pinned": StoredContract(PinChanged),
    }
)


def stored_form(event: MessageState) -> Model:
    """Return what to store: the oldest shape that has all of ``event``, so that older releases read it."""
    if isinstance(event, MessageRemoved) and event == copy_fields(
        copy_fields(event, MessageRemovedV1), MessageRemoved
    ):
        return copy_fields(event, MessageRemovedV1)
    return event


def message_of(event: ChatEvent, seq: int) -> Message | None:
    """Return the message of the history that an event stored at ``seq`` leaves, at the message's place.

    None: the message is removed, or the event says nothing about its text.
    """
    match event:
        case MessageEvent():
            if event.imported is None:
                return copy_fields(event, Message, seq=seq)
            edited_at, reactions = event.imported.edited_at, event.imported.reactions
            return copy_fields(event, Message, seq=seq, edited_at=edited_at, reactions=reactions)
        case MessageEdited():
            return copy_fields(
                event, Message, seq=event.message_seq, timestamp=event.sent_at, edited_at=event.timestamp
            )
        case MessageRemoved() | ReactionChanged() | PinChanged():
            return None
        case _:
            assert_never(event)


def replaced_seq(event: ChatEvent) -> int | None:
    """Return the sequence of the event that ``event`` replaces; None if it replaces none."""
    match event:
        case MessageEdited():
            return event.replaced_seq
        case MessageRemoved():
            return event.message_seq if event.replaced_seq is None else event.replaced_seq
        case MessageEvent() | ReactionChanged() | PinChanged():
            return None
        case _:
            assert_never(event)


def frame_of(event: ChatEvent, seq: int) -> StoredFrame:
    """Convert a stored event at ``seq`` to a client frame."""
    match event:
        case MessageEvent():
            return copy_fields(event, MessageFrame, seq=seq)
        case MessageEdited():
            return copy_fields(event, EditedFrame, seq=seq, message=message_of(event, seq))
        case MessageRemoved():
            return copy_fields(event, RemovedFrame, seq=seq)
        case ReactionChanged():
            return copy_fields(event, ReactionFrame, seq=seq, id=event.message_id)
        case PinChanged():
            return copy_fields(event, PinnedFrame, seq=seq, id=event.message_id)
        case _:
            assert_never(event)
