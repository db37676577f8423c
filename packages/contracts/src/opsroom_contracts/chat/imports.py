"""Requests that import rooms and messages of another chat, or of another portal.

Ids of the source are text of the source. What the portal stores has ids that follow from them and from
``source``, so that importing the same again changes nothing.
"""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.files import FILES_MAX, Digest
from opsroom_contracts.chat.models import REACTIONS_MAX, TEXT_MAX, RawName
from opsroom_contracts.chat.rooms import DIRECT_MAX, RoomRole
from opsroom_contracts.serialization.model import ClientId, Identifier, Model, TimestampText

IMPORT_MAX: Final = 64
"""The maximum number of records in one request."""
IMPORTED_MEMBERS_MAX: Final = 50
"""The maximum number of members in one record; more come in further records."""
IMPORTED_REACTORS_MAX: Final = 50
"""The maximum number of people who react to one message with one emoji, as far as it is imported."""

_Moment = Annotated[TimestampText, WithJsonSchema({"type": "string", "format": "date-time"})]

SourceId = ClientId
"""An id in the source: 1 to 128 printable characters."""
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
"""What is imported from, such as ``slack.t0123``. The same ids in two sources are different things."""


class _Lax(Model):
    """Not strict: the web framework validates values of Python, where JSON's list is not a tuple."""

    model_config = ConfigDict(strict=False)


class SourcePerson(_Lax):
    """A person of the source.

    ``account``: the user of this portal who they are. Without one, they are shown under their name, and
    nobody can sign in as them. ``name``: made valid if it is not.
    """

    id: SourceId
    name: RawName
    account: Identifier | None = None


class SourceMember(_Lax):
    """A member of a room."""

    person: SourcePerson
    role: RoomRole = RoomRole.MEMBER
    joined_at: _Moment | None = None


class SourceReaction(_Lax):
    """The people who reacted to a message with an emoji."""

    emoji: Emoji
    people: Annotated[tuple[SourcePerson, ...], Field(min_length=1, max_length=IMPORTED_REACTORS_MAX)]


class SourceRoom(_Lax):
    """A room. It becomes a room that nobody has used before, also if one with its name exists.

    ``kind``: a direct room has two to :data:`DIRECT_MAX` members, all of them here, and no name. ``name``:
    made valid and unique if it is not. A room that was imported before stays as it is.
    """

    type: Literal["room"] = "room"
    id: SourceId
    kind: Literal["public", "private", "direct"]
    name: RawName | None = None
    description: Annotated[str, Field(max_length=4000)] | None = None
    archived: bool = False
    created_at: _Moment | None = None
    members: Annotated[tuple[SourceMember, ...], Field(max_length=DIRECT_MAX)] = ()


class SourceMembers(_Lax):
    """Members of a room that was imported before."""

    type: Literal["members"] = "members"
    room: SourceId
    members: Annotated[tuple[SourceMember, ...], Field(min_length=1, max_length=IMPORTED_MEMBERS_MAX)]


class SourceMessage(_Lax):
    """A message, in a room that was imported before, with its original time.

    ``thread``: the id of the message that it replies to. A message that was imported before stays as it is.
    ``files``: the digests of the contents of its files, which are uploaded before it. A message with files
    needs no text.
    """

    type: Literal["message"] = "message"
    room: SourceId
    id: SourceId
    person: SourcePerson
    text: Annotated[str, Field(max_length=TEXT_MAX)]
    timestamp: _Moment
    edited_at: _Moment | None = None
    thread: SourceId | None = None
    broadcast: bool = False
    reactions: Annotated[tuple[SourceReaction, ...], Field(max_length=REACTIONS_MAX)] = ()
    files: Annotated[tuple[Digest, ...], Field(max_length=FILES_MAX)] = ()


class SourcePin(_Lax):
    """A message that was imported before, to be pinned in its room. ``person``: who pinned it, at ``at``.

    A pin that was imported before stays as it is, also if somebody has removed it here. A message that is
    not here any more, and one above the number of pins that a room may have, are not pinned.
    """

    type: Literal["pin"] = "pin"
    room: SourceId
    message: SourceId
    person: SourcePerson
    at: _Moment


ImportRecord = Annotated[SourceRoom | SourceMembers | SourceMessage | SourcePin, Field(discriminator="type")]
ImportRecords = Annotated[tuple[ImportRecord, ...], Field(min_length=1, max_length=IMPORT_MAX, strict=False)]


class ImportRequest(Model):
    """Store records in this order. Those that are stored already change nothing.

    ``owner``: the user who owns the imported rooms, if they are not direct ones: somebody has to be able to
    invite others to a private room.
    """

    source: SourceName
    records: ImportRecords
    owner: Identifier | None = None
    by: Requester = Requester()


class MissingFile(Model):
    """A file of a message that was not uploaded. ``place``: its place among the message's files, from 0."""

    room: SourceId
    message: SourceId
    place: int


class ImportReply(Model):
    """How many rooms, memberships, messages and pins were stored; the others were there already.

    ``missing``: files without which the next message can't be stored. Neither it nor the records behind it
    are stored: upload the files, and repeat the request.
    """

    rooms: int = 0
    members: int = 0
    messages: int = 0
    pins: int = 0
    missing: tuple[MissingFile, ...] | None = None
