"""The chat's own language: people, messages, and the requests of the chat service."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.identity import Grant
from opsroom_contracts.model import ClientId, Identifier, Model, RoomName, Sequence, Timestamp
from opsroom_contracts.versions import StoredContract

TEXT_MAX = 4000
"""The longest message, in characters."""
HISTORY_MAX = 200
"""The most messages one page of history holds."""
COURSE_FRAME_MAX_BYTES = 64 * 1024
"""The largest frame relayed for clients of the course contract, in bytes."""

Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
RawName = Annotated[str, Field(max_length=256)]
"""A name as typed; the chat service folds it and holds it to its rules."""
Token = Annotated[str, Field(min_length=1, max_length=256)]


class User(Model):
    """A person as others see them. ``name`` has 1 to 32 characters."""

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=32)]


class LegacyFrame(Model):
    """A frame of the course contract, kept to be relayed byte for byte.

    ``data`` is the frame's text, or its bytes in base64 when ``binary``.
    """

    data: Annotated[str, Field(max_length=COURSE_FRAME_MAX_BYTES * 2)]
    binary: bool = False


class ProtocolVersion(StrEnum):
    """Which interface a person came in by."""

    V1 = "v1"
    COURSE = "course"


MAX_CONNECTIONS = 64
"""The most connections one person may have at once."""


class MemberStatus(StrEnum):
    """Where a person stands.

    Only ``present`` and ``lingering`` people are on the list; all but ``away`` ones hold their name.
    """

    RESERVED = "reserved"
    """Holds the name until the deadline, not on the list: registered, or gone a moment ago."""
    PRESENT = "present"
    """At least one connection lives."""
    LINGERING = "lingering"
    """The last connection broke; still on the list until the deadline."""
    AWAY = "away"
    """Gone; the name is free. A token may bring them back."""


REGISTRATION_PREFIX = "reg-"
"""How the id of a connection begins that stands for a course registration until its socket is known."""


class Connection(Model):
    """One live connection of a person, and the gateway that answers for it."""

    id: Identifier
    gateway: Identifier


class Member(Model):
    """The record of one person: what ``chat.members.<user>`` holds.

    ``origin`` is a digest of where a course client came from: the only hint at whose socket is whose.
    ``exited``: they left on purpose, so a gateway that still has a socket of theirs must not bring them back.
    ``grant``: what their token holds because of another proof.
    """

    version: Literal[1] = 1
    user: User
    dialect: ProtocolVersion
    status: MemberStatus
    connections: Annotated[tuple[Connection, ...], Field(max_length=MAX_CONNECTIONS)] = ()
    joined_at: Timestamp
    deadline: Timestamp | None = None
    token_hash: str | None = None
    origin: str | None = None
    exited: bool = False
    grant: Grant | None = None


class NameClaim(Model):
    """Who holds a name: what ``chat.names.<digest>`` holds; nobody, once ``user_id`` is absent."""

    version: Literal[1] = 1
    user_id: Identifier | None = None


class RegisterRequest(Model):
    """Claim ``name``. With ``connection`` the person is on the list at once (the course contract's way).

    The same ``client_id`` registers one person, however often it is sent. One of 32 characters or more must
    be impossible to guess: each answer has the same token then; with a shorter one each has a new token.
    """

    name: RawName
    client_id: ClientId | None = None
    dialect: ProtocolVersion = ProtocolVersion.V1
    origin: str | None = None
    connection: Connection | None = None
    grant: Grant | None = None


class RegisterReply(Model):
    """The new person, and the sequence of ``MEMBERS`` from which their record shows it.

    ``token`` is told once, and only on the ``v1`` dialect.
    """

    user: User
    token: Token | None = None
    seq: Sequence


class JoinRequest(Model):
    """Add a connection to a person, found by ``token``, or by ``user_id`` where the gateway vouches.

    ``dialect`` is how the connection came in: one of the course contract never becomes a token holder's.
    ``name`` goes with ``user_id``: a course client may bring back a person whose record is gone.
    """

    connection: Connection
    token: Token | None = None
    user_id: Identifier | None = None
    dialect: ProtocolVersion = ProtocolVersion.V1
    name: RawName | None = None
    origin: str | None = None


class JoinReply(Model):
    """Who joined, and the sequence of ``MEMBERS`` from which their record shows it."""

    user: User
    seq: Sequence


class LeaveReason(StrEnum):
    """How a connection ended, and with it how long its person keeps list place and name."""

    EXIT = "exit"
    """On purpose: off the list and the name free at once."""
    CLOSED = "closed"
    """A clean close, maybe a page reload."""
    BROKEN = "broken"
    """The network went; they are probably coming back."""


class LeaveRequest(Model):
    """Take ``connections`` from a person, all of them where none are named."""

    user_id: Identifier
    connections: Annotated[tuple[Identifier, ...], Field(max_length=MAX_CONNECTIONS)] = ()
    manner: LeaveReason


class LeaveReply(Model):
    """The sequence of ``MEMBERS`` from which the person's record shows it; 0 if there is none."""

    seq: Sequence


GUEST = User(id="guest", name="guest")
"""Who said it, where nothing tells."""


class SendRequest(Model):
    """Store a message. The same ``client_id`` of the same sender stores it once, however often it is sent.

    The sender is ``user_id``. A course client that is nobody in particular is relayed all the same:
    without ``user_id``, under ``guest_name`` unless someone with a token holds that name.
    """

    user_id: Identifier | None = None
    guest_name: RawName | None = None
    client_id: ClientId
    room: RoomName
    text: Text
    raw: LegacyFrame | None = None


class SendReply(Model):
    """The message is stored, now or (``duplicate``) by an earlier send of the same ``client_id``."""

    seq: Sequence
    id: Identifier
    timestamp: Timestamp
    duplicate: bool = False


class UsersRequest(Model):
    """Ask who is on the list."""


class UsersReply(Model):
    """People on the list, in the order in which they came."""

    users: tuple[User, ...]


class HistoryRequest(Model):
    """A page of a room's messages: the last ones, those before a sequence, or those after one."""

    room: RoomName
    before: Sequence | None = None
    after: Sequence | None = None
    limit: Annotated[int, Field(ge=1, le=HISTORY_MAX)] = 50


class Message(Model):
    """A message with its place in the room, as ``/api/v1`` shows it."""

    seq: Sequence
    id: Identifier
    room: RoomName
    user: User
    text: Text
    timestamp: Timestamp
    client_id: ClientId | None = None


class HistoryReply(Model):
    """Messages in ascending sequence."""

    messages: tuple[Message, ...]


class WhoamiRequest(Model):
    """Ask whose token this is."""

    token: Token


class WhoamiReply(Model):
    """The token's owner, and what they were granted when they registered."""

    user: User
    grant: Grant | None = None


class TypingEvent(Model):
    """Someone is typing: said on ``chat.typing.<room>``, never stored."""

    room: RoomName
    user: User


MEMBER = StoredContract(Member)
NAME_CLAIM = StoredContract(NameClaim)
TYPING_EVENT = TypeAdapter(TypingEvent)
