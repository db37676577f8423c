"""The frames of ``WS /api/v1/chat/ws`` (subprotocol ``opsroom.v1``): JSON text, one object a frame."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.chat import Message, Text, Token, User
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.model import ClientId, Identifier, Model, RoomName, Sequence, Timestamp
from opsroom_contracts.moderation import Reason

SUBPROTOCOL = "opsroom.v1"
FRAME_MAX_BYTES = 64 * 1024
"""The largest frame a client may send, in bytes; a larger one closes the socket with 1009."""


class HelloFrame(Model):
    """First frame of a client: who it is and, on a return, the last sequence it saw."""

    type: Literal["hello"] = "hello"
    token: Token
    since: Sequence | None = None


class SendFrame(Model):
    """Say something; answered by ``ack`` once stored, or by ``error`` with the same ``clientId``."""

    type: Literal["send"] = "send"
    client_id: ClientId
    room: RoomName
    text: Text


class TypingFrame(Model):
    """Tell the room that one types."""

    type: Literal["typing"] = "typing"
    room: RoomName


class LeaveFrame(Model):
    """Leave for good: off the list, the name free, the socket closed with 1000."""

    type: Literal["leave"] = "leave"


ClientFrame = Annotated[HelloFrame | SendFrame | TypingFrame | LeaveFrame, Field(discriminator="type")]


class Mute(Model):
    """One may read and not speak, until then or until it is lifted."""

    until: Timestamp | None = None
    reason: Reason | None = None


class WelcomeFrame(Model):
    """Answer to hello. ``seq`` is where the stream stands; missed messages follow, then live ones.

    ``muted`` where one may not speak.
    """

    type: Literal["welcome"] = "welcome"
    user: User
    users: tuple[User, ...]
    seq: Sequence
    muted: Mute | None = None


class MessageFrame(Message):
    """A message of a room."""

    type: Literal["message"] = "message"


class RemovedFrame(Model):
    """A message was removed: show its text no more. ``messageSeq`` was its place, ``seq`` is that of this."""

    type: Literal["removed"] = "removed"
    seq: Sequence
    room: RoomName
    id: Identifier
    message_seq: Sequence
    timestamp: Timestamp


class MutedFrame(Mute):
    """One may not speak from now on; what is sent is refused as ``muted``."""

    type: Literal["muted"] = "muted"


class UnmutedFrame(Model):
    """One may speak again."""

    type: Literal["unmuted"] = "unmuted"


class JoinedFrame(Model):
    """Someone came onto the list."""

    type: Literal["joined"] = "joined"
    user: User


class LeftFrame(Model):
    """Someone went off the list."""

    type: Literal["left"] = "left"
    user: User


class TypingNotice(Model):
    """Someone types in a room."""

    type: Literal["typing"] = "typing"
    room: RoomName
    user: User


class AckFrame(Model):
    """A send is stored at ``seq``; ``duplicate`` when an earlier send of the same id had done it."""

    type: Literal["ack"] = "ack"
    client_id: ClientId
    seq: Sequence
    id: Identifier
    timestamp: Timestamp
    duplicate: bool = False


class ErrorFrame(Model):
    """A frame was refused; nothing was changed. ``clientId`` names the send that it answers.

    ``retryAfter``: in how many seconds the same may be tried again. ``until``: when a mute or ban ends.
    """

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    client_id: ClientId | None = None
    field: str | None = None
    retry_after: float | None = None
    until: Timestamp | None = None


class ResetFrame(Model):
    """What was missed can't be told: fetch the history anew; live messages go on from ``seq``."""

    type: Literal["reset"] = "reset"
    seq: Sequence


ServerFrame = Annotated[
    WelcomeFrame
    | MessageFrame
    | RemovedFrame
    | MutedFrame
    | UnmutedFrame
    | JoinedFrame
    | LeftFrame
    | TypingNotice
    | AckFrame
    | ErrorFrame
    | ResetFrame,
    Field(discriminator="type"),
]

CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
