"""Frames of ``WS /api/v1/chat/ws`` (subprotocol ``opsroom.v1``): JSON text, one object per frame."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.files import FileIds
from opsroom_contracts.chat.models import Message, SentText, Token, User, UserCursor
from opsroom_contracts.chat.moderation import Reason
from opsroom_contracts.chat.notifications import NotificationSettings
from opsroom_contracts.chat.reads import Unread, UnreadCount
from opsroom_contracts.chat.rooms import DIRECT_MAX, Room, RoomRole, RoomView
from opsroom_contracts.chat.threads import FOLLOWED_MAX, ThreadUnread
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.model import (
    ClientId,
    Epoch,
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
)

SUBPROTOCOL = "opsroom.v1"
FRAME_MAX_BYTES = 64 * 1024
"""The maximum size of a client frame, in bytes; a larger one closes the socket with 1009."""


class HelloFrame(Model):
    """The first frame of a client: its token and, when it reconnects, the last sequence it received.

    ``timestamp``: that of the event at ``since``. ``epoch``: the last one received. Without them, a server
    can't notice that it was restored from a backup, or that its data was deleted, since the client left.

    ``heartbeats``: whether to send heartbeat frames. Browsers hide the protocol's pings from a page, which
    otherwise can't tell a dead connection from a quiet room.

    ``user_pages``: whether the welcome may list only the first users. The client requests others with
    ``users``. Without it, each join sends the client the names of everybody.

    ``unread``: whether to say in the welcome what is unread, and to send ``read`` frames.

    ``notifications``: whether to send ``notifications`` frames, one right after the welcome.

    ``threads``: whether to send ``threads`` frames. The counts before the first of them are those of
    ``GET /api/v1/chat/threads/unread``.
    """

    type: Literal["hello"] = "hello"
    token: Token
    since: Sequence | None = None
    epoch: Epoch | None = None
    timestamp: Timestamp | None = None
    heartbeats: bool | None = None
    user_pages: bool | None = None
    unread: bool | None = None
    notifications: bool | None = None
    threads: bool | None = None


class SendFrame(Model):
    """Send a message. The reply is ``ack`` once it is stored, or ``error`` with the same ``clientId``.

    ``files``: ids of files that this user has uploaded for this room. With files, the text may be empty.

    ``thread``: the id of the message of the room that this one replies to, which is no reply itself. The room
    shows a reply only with ``broadcast``; without it, it doesn't count as unread either.
    """

    type: Literal["send"] = "send"
    client_id: ClientId
    room: RoomName
    text: SentText
    files: FileIds | None = None
    thread: Identifier | None = None
    broadcast: bool | None = None


class EditFrame(Model):
    """Replace the text of an own message. The reply is ``ack`` or ``error``, as for ``send``.

    With files, the text may be empty; the files stay.

    A retry with the same ``clientId`` changes nothing, also if a later edit came in between.
    """

    type: Literal["edit"] = "edit"
    client_id: ClientId
    room: RoomName
    id: Identifier
    text: SentText


class DeleteFrame(Model):
    """Delete an own message. The reply is ``ack`` or ``error``."""

    type: Literal["delete"] = "delete"
    client_id: ClientId
    room: RoomName
    id: Identifier


class ReactFrame(Model):
    """React to a message, or with ``on`` false take the reaction back. The reply is ``ack`` or ``error``."""

    type: Literal["react"] = "react"
    client_id: ClientId
    room: RoomName
    id: Identifier
    emoji: Emoji
    on: bool = True


class PinFrame(Model):
    """Pin a message in its room, or with ``on`` false unpin it. The reply is ``ack`` or ``error``."""

    type: Literal["pin"] = "pin"
    client_id: ClientId
    room: RoomName
    id: Identifier
    on: bool = True


class TypingFrame(Model):
    """Notify the room that the user is typing."""

    type: Literal["typing"] = "typing"
    room: RoomName


class UsersFrame(Model):
    """Request the users after ``after``: the ``nextUsers`` of the page before. The reply is ``users``."""

    type: Literal["users"] = "users"
    after: UserCursor


class ReadFrame(Model):
    """Everything in ``room`` up to ``seq`` is read. It has no reply but ``read``, once it is stored.

    The server stores positions about once a second. It may be sent again: a lower position than before
    changes nothing.
    """

    type: Literal["read"] = "read"
    room: RoomName
    seq: Sequence


class LeaveFrame(Model):
    """Leave the chat: removed from the list, the name is free, the socket closes with 1000."""

    type: Literal["leave"] = "leave"


AcknowledgedFrame = SendFrame | EditFrame | DeleteFrame | ReactFrame | PinFrame
"""Frames with a ``clientId``: the reply is ``ack`` or ``error``.

The gateway sends each to its endpoint (:data:`~opsroom_contracts.endpoints.FRAME_ENDPOINTS`).
"""

ClientFrame = Annotated[
    HelloFrame | AcknowledgedFrame | TypingFrame | UsersFrame | ReadFrame | LeaveFrame,
    Field(discriminator="type"),
]


class Mute(Model):
    """A mute of this user, until ``until`` or until it is lifted: they can read but not send."""

    until: Timestamp | None = None
    reason: Reason | None = None


class WelcomeFrame(Model):
    """The reply to hello. ``seq``: the current sequence. Missed messages follow, then live ones.

    ``muted``: set if the user is muted. ``epoch``: that of the sequences. ``timestamp``: that of the event
    at ``seq``, if the server has it. A client sends both back in its next hello.

    ``heartbeatSeconds``: the longest interval between two heartbeats, if the client asked for them.

    ``users``: all users on the list; if the client asked for pages, the first of them. ``nextUsers``: there
    are more, and a ``users`` frame with it requests them. ``userCount``: how many there are. From now on,
    ``joined`` and ``left`` report every change, also of users that the client has not requested.

    ``rooms``: those of this user that not everybody is in. This socket gets their messages. Earlier releases
    have no rooms.

    ``unread``: what is unread in each room of this user, if the client asked for it and the server can tell
    now. Messages after its ``asOf`` follow, also if the client has not been here before.
    """

    type: Literal["welcome"] = "welcome"
    user: User
    users: tuple[User, ...]
    next_users: UserCursor | None = None
    user_count: int | None = None
    seq: Sequence
    muted: Mute | None = None
    epoch: Epoch | None = None
    timestamp: Timestamp | None = None
    heartbeat_seconds: float | None = None
    rooms: tuple[RoomView, ...] | None = None
    unread: Unread | None = None


class UsersPageFrame(Model):
    """Users in the order in which they joined. ``nextUsers``: there are more, as in the welcome.

    The page, and the changes since the welcome, are in the order in which they happened.
    """

    type: Literal["users"] = "users"
    users: tuple[User, ...]
    next_users: UserCursor | None = None


class HeartbeatFrame(Model):
    """The connection is alive. Sent regularly to clients that asked for it in their hello.

    ``seq`` and ``timestamp``: as in the welcome. Everything up to there that concerns this client was sent.
    A client of quiet rooms that takes over the sequence has less to catch up with when it reconnects.
    """

    type: Literal["heartbeat"] = "heartbeat"
    seq: Sequence | None = None
    timestamp: Timestamp | None = None


class MessageFrame(Message):
    """A message of a room."""

    type: Literal["message"] = "message"


class RemovedFrame(Model):
    """A message was removed: hide its text, and its reactions and pin with it.

    ``messageSeq``: the message's sequence; ``seq``: this event's. ``byAuthor``: its author deleted it;
    otherwise a moderator removed it.
    """

    type: Literal["removed"] = "removed"
    seq: Sequence
    room: RoomName
    id: Identifier
    message_seq: Sequence
    timestamp: Timestamp
    by_author: bool | None = None


class EditedFrame(Model):
    """A message has another text: replace the message with the same id, at its place.

    ``message``: the whole message, without its reactions and pin, which stay. Its ``seq`` is its place, and
    ``editedAt`` is the ``timestamp`` of this event. A client that resumes gets only the last edit, instead
    of the message if that is new to it.
    """

    type: Literal["edited"] = "edited"
    seq: Sequence
    room: RoomName
    id: Identifier
    timestamp: Timestamp
    message: Message


class ReactionFrame(Model):
    """Somebody has reacted to the message ``id``, or taken it back (``on`` false).

    ``count``: how many people react with this emoji from now on; at 0 it disappears. ``messageSeq``: the
    message's sequence. When a client resumes, this may come before an ``edited`` frame with a message that
    the client has not seen: a message that was edited meanwhile is replayed at its last edit.
    """

    type: Literal["reaction"] = "reaction"
    seq: Sequence
    room: RoomName
    id: Identifier
    message_seq: Sequence
    user: User
    emoji: Emoji
    on: bool
    count: Annotated[int, Field(ge=0)]
    timestamp: Timestamp


class PinnedFrame(Model):
    """``user`` has pinned the message ``id`` in the room, or unpinned it (``on`` false)."""

    type: Literal["pinned"] = "pinned"
    seq: Sequence
    room: RoomName
    id: Identifier
    message_seq: Sequence
    user: User
    on: bool
    timestamp: Timestamp


StoredFrame = MessageFrame | RemovedFrame | EditedFrame | ReactionFrame | PinnedFrame
"""Frames of stored events, which are replayed when a client reconnects. Each has a sequence."""


class MutedFrame(Mute):
    """This user is muted from now on; further messages are refused with ``muted``."""

    type: Literal["muted"] = "muted"


class UnmutedFrame(Model):
    """This user is no longer muted."""

    type: Literal["unmuted"] = "unmuted"


class JoinedFrame(Model):
    """A user was added to the list."""

    type: Literal["joined"] = "joined"
    user: User


class LeftFrame(Model):
    """A user was removed from the list."""

    type: Literal["left"] = "left"
    user: User


class RoomFrame(Model):
    """The user joined this room, or it was changed. Without ``role`` they are no longer in it.

    Messages of the room come from now on; earlier ones are in its history. ``members``, ``people``: as in
    the rooms of the welcome.
    """

    type: Literal["room"] = "room"
    room: Room
    role: RoomRole | None = None
    members: Annotated[int, Field(ge=0)] | None = None
    people: Annotated[tuple[User, ...], Field(max_length=DIRECT_MAX)] | None = None


class ReadNotice(Model):
    """This user has read ``room`` up to ``seq``, perhaps on another device; or has just joined it.

    Sent to clients that asked for ``unread``. ``unread`` and ``mentions``: as in the welcome, including
    messages up to ``asOf``. Without ``asOf``, nothing is unread up to the last message that the room had.
    """

    type: Literal["read"] = "read"
    room: RoomName
    seq: Sequence
    unread: UnreadCount = 0
    mentions: UnreadCount = 0
    as_of: Sequence | None = None


class ThreadsNotice(Model):
    """What has changed in the threads that this user follows, on any of their devices or by a reply.

    Sent to clients that asked for ``threads``. After a connection begins, the first one may have threads that
    have not changed: a client ignores those whose ``following`` and ``read`` it knows, since its own count
    may be newer, and lower positions. Of the others, it takes over the count, and adds replies of others
    after ``asOf``. A thread without ``following`` is no longer followed.
    """

    type: Literal["threads"] = "threads"
    threads: Annotated[tuple[ThreadUnread, ...], Field(max_length=2 * FOLLOWED_MAX)]


class NotificationsFrame(Model):
    """What this user is notified of: after the welcome, and after a change on any of their devices.

    Sent to clients that asked for it.
    """

    type: Literal["notifications"] = "notifications"
    settings: NotificationSettings


class TypingNotice(Model):
    """A user is typing in a room."""

    type: Literal["typing"] = "typing"
    room: RoomName
    user: User


class AckFrame(Model):
    """What a frame asked for is stored at ``seq``: a message, or a change of the message ``id``.

    ``duplicate``: an earlier frame with the same ``clientId`` stored it, or nothing had to be changed.
    """

    type: Literal["ack"] = "ack"
    client_id: ClientId
    seq: Sequence
    id: Identifier
    timestamp: Timestamp
    duplicate: bool = False


class ErrorFrame(Model):
    """A frame was refused; nothing was changed. ``clientId``: that of the refused frame, if it is readable.

    ``retryAfter``: seconds to wait before a retry. ``until``: when the mute or ban expires.
    """

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    client_id: ClientId | None = None
    field: str | None = None
    retry_after: float | None = None
    until: Timestamp | None = None


class ResetFrame(Model):
    """Missed events can't be replayed: fetch the history again; live messages continue from ``seq``.

    ``epoch`` and ``timestamp``: as in the welcome.
    """

    type: Literal["reset"] = "reset"
    seq: Sequence
    epoch: Epoch | None = None
    timestamp: Timestamp | None = None


ServerFrame = Annotated[
    WelcomeFrame
    | UsersPageFrame
    | HeartbeatFrame
    | StoredFrame
    | MutedFrame
    | UnmutedFrame
    | JoinedFrame
    | LeftFrame
    | RoomFrame
    | ReadNotice
    | ThreadsNotice
    | NotificationsFrame
    | TypingNotice
    | AckFrame
    | ErrorFrame
    | ResetFrame,
    Field(discriminator="type"),
]

CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
