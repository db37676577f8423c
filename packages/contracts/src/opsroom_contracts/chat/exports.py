"""Records of an export: a file with one JSON object on each line.

The first is the header and the last the end. Each person comes before the first record that names them, and
each room before its members and messages.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.files import Digest
from opsroom_contracts.chat.models import TEXT_MAX
from opsroom_contracts.chat.rooms import Description, RoomKind, RoomRole, RoomTitle
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, RoomName, Sequence, Timestamp


class ExportHeader(Model):
    """``epoch``: that of the stream of messages, which says from which portal it is. ``at``: when it began.

    The export has everything up to ``as_of``; of later changes, it may have some. ``version``: 1 has no pins
    and no digests of files.
    """

    type: Literal["export"] = "export"
    version: Literal[1, 2] = 2
    epoch: Epoch | None = None
    as_of: Sequence | None = None
    at: Timestamp


class ExportedPerson(Model):
    """A person, under the name that they have, or had when they wrote."""

    type: Literal["person"] = "person"
    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=32)]


class ExportedRoom(Model):
    """A room."""

    type: Literal["room"] = "room"
    id: RoomName
    kind: RoomKind
    name: RoomTitle | None = None
    description: Description | None = None
    archived: bool | None = None
    created_at: Timestamp | None = None


class ExportedMember(Model):
    """A member of a room that not everybody is in."""

    type: Literal["member"] = "member"
    room: RoomName
    person: Identifier
    role: RoomRole
    joined_at: Timestamp


class ExportedReaction(Model):
    """The people who reacted with an emoji. ``count``: how many, if the portal does not name all of them."""

    emoji: Emoji
    people: tuple[Identifier, ...]
    count: int | None = None


class ExportedFile(Model):
    """A file of a message. ``digest``: that of its content, which is in the folder beside the export.

    Without a digest, the content is not in the export: it was left out, or removed meanwhile.
    """

    name: str
    type: str
    size: int
    digest: Digest | None = None


class ExportedMessage(Model):
    """A message, as it was when it was read. ``seq``: its place in the room."""

    type: Literal["message"] = "message"
    room: RoomName
    id: Identifier
    seq: Sequence
    person: Identifier
    text: Annotated[str, Field(max_length=TEXT_MAX)]
    timestamp: Timestamp
    edited_at: Timestamp | None = None
    thread: Identifier | None = None
    broadcast: bool | None = None
    reactions: tuple[ExportedReaction, ...] | None = None
    files: tuple[ExportedFile, ...] | None = None
    source: str | None = None


class ExportedPin(Model):
    """A pinned message of the room, after the room's messages. ``person``: who pinned it."""

    type: Literal["pin"] = "pin"
    room: RoomName
    message: Identifier
    person: Identifier
    at: Timestamp


class ExportEnd(Model):
    """The export is complete."""

    type: Literal["end"] = "end"
    people: int
    rooms: int
    messages: int


ExportRecord = (
    ExportHeader | ExportedPerson | ExportedRoom | ExportedMember | ExportedMessage | ExportedPin | ExportEnd
)
EXPORT_RECORD: TypeAdapter[ExportRecord] = TypeAdapter(Annotated[ExportRecord, Field(discriminator="type")])
