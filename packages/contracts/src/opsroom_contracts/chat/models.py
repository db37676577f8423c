"""Models of the chat service: users, members, messages, and its requests and replies."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.chat.devices import DEVICES_MAX, Device, Link
from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.files import FileIds, Files
from opsroom_contracts.errors import Fault
from opsroom_contracts.identity import Grant
from opsroom_contracts.incidents.calls import CommandCall, CommandOrder
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.serialization.model import (
    ClientId,
    Epoch,
    Identifier,
    Model,
    RoomName,
    Sequence,
    Timestamp,
    copy_fields,
)
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract

TEXT_MAX = 4000
"""The maximum length of a message, in characters."""
HISTORY_MAX = 200
"""The maximum number of messages on one page of history."""
SEND_BATCH_MAX = 64
"""The maximum number of messages in one request."""
JOIN_BATCH_MAX = 64
"""The maximum number of joins in one request."""
USERS_MAX = 2000
"""The maximum number of users on one page: they take less than half of what a broker accepts in a message."""

REACTIONS_MAX = 20
"""The maximum number of different emoji on one message."""
REACTORS_MAX = 20
"""How many people a message names for each emoji."""
PINS_MAX = 50
"""The maximum number of pinned messages in one room."""
EDIT_KEYS_MAX = 16
"""How many edits of one message are remembered, so that a retry does not undo a later one."""
USERS_PAGE = 100
"""The number of users on a page of a chat socket, and in the welcome of a client that asks for pages."""

Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
SentText = Annotated[str, Field(max_length=TEXT_MAX)]
"""The text of a message; it is empty only if the message has files."""
RawName = Annotated[str, Field(max_length=256)]
"""A name as typed; the chat service normalizes and validates it."""
UserCursor = Annotated[str, Field(pattern=r"^[0-9]{1,16}\.[A-Za-z0-9_-]{1,64}$")]
"""A position in the user list. Its content may change: use it only to get the next page."""
Token = Annotated[str, Field(min_length=1, max_length=256)]


class User(Model):
    """The public profile of a user. ``name`` has 1 to 32 characters."""

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=32)]


class ProtocolVersion(StrEnum):
    """The API through which a user registered or connects."""

    V1 = "v1"
    COURSE = "course"

    @property
    def has_tokens(self) -> bool:
        """Whether registering returns a token. Without one, the gateway vouches for a user by their id."""
        return self is ProtocolVersion.V1


MAX_CONNECTIONS = 64
"""The maximum number of connections of one member."""


class MemberStatus(StrEnum):
    """The presence status of a member.

    The user list shows ``present`` and ``lingering`` members. All except ``away`` members hold their name.
    """

    RESERVED = "reserved"
    """Holds the name until the deadline but is not listed: just registered, or recently disconnected."""
    PRESENT = "present"
    """Has at least one open connection."""
    LINGERING = "lingering"
    """The last connection closed; still listed until the deadline."""
    AWAY = "away"
    """Disconnected; the name is free. The member can return with their token."""


class Connection(Model):
    """An open connection of a member, and the gateway that serves it."""

    id: Identifier
    gateway: Identifier


class _MemberFields(Model):
    version: int
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


class MemberV1(_MemberFields):
    """A member with at most one device, as every release can read it."""

    version: Literal[1] = 1


class Member(_MemberFields):
    """The record of one member, on ``chat.members.<user>``.

    ``origin``: a digest of the client's address. Without a token, gateways find a member's socket by it.
    ``exited``: the member left explicitly, so a gateway that still has a socket of theirs must not rejoin it.
    ``token_hash`` and ``grant``: the token of the first device, and its permissions that come from another
    credential. Without a token, the grant is the one that the member had or will have. ``devices``: the other
    devices. ``link``: the pending link for one more.
    """

    version: Literal[2] = 2
    devices: Annotated[tuple[Device, ...], Field(max_length=DEVICES_MAX - 1)] = ()
    link: Link | None = None

    def stored(self) -> _MemberFields:
        """Return what to store. With one device, processes of older releases can change it, too."""
        return self if self.devices or self.link is not None else copy_fields(self, MemberV1)

    def all_devices(self) -> tuple[Device, ...]:
        """Return all devices, the first one first."""
        if self.token_hash is None:
            return ()
        return (Device(token_hash=self.token_hash, grant=self.grant), *self.devices)

    def grants(self) -> tuple[Grant, ...]:
        """Return the grants of all devices. Without a device, the one that the member had or will have."""
        found = [device.grant for device in self.all_devices()] or [self.grant]
        return tuple(grant for grant in found if grant is not None)

    def device(self, token_hash: str) -> Device | None:
        """Return the device with a token of this digest."""
        return next((one for one in self.all_devices() if one.token_hash == token_hash), None)


class NameClaim(Model):
    """The holder of a name, on ``chat.names.<digest>``; the name is free if ``user_id`` is missing."""

    version: Literal[1] = 1
    user_id: Identifier | None = None


class RegisterRequest(Model):
    """Register ``name``. With ``connection`` the user is listed immediately.

    With the grant of a static token or of single sign-on, this signs in one more device of the person with
    that credential and name, if there is one.

    ``client_id`` is an idempotency key: retries register the same user. If it has 32 characters or more, it
    must be impossible to guess, and every reply has the same token. Otherwise each reply has a new token.
    """

    name: RawName
    client_id: ClientId | None = None
    dialect: ProtocolVersion = ProtocolVersion.V1
    origin: str | None = None
    connection: Connection | None = None
    grant: Grant | None = None


class RegisterReply(Model):
    """The new user, and the sequence of their record in ``MEMBERS``.

    ``token`` is returned only once, and only for the ``v1`` dialect.
    """

    user: User
    token: Token | None = None
    seq: Sequence


class JoinRequest(Model):
    """Add a connection to a member, identified by ``token``, or by ``user_id`` if the gateway trusts it.

    ``dialect``: the API of the connection. By ``user_id`` it joins only a member of the same API.
    ``name`` goes with ``user_id``: without tokens, it restores a member whose record is gone.
    """

    connection: Connection
    token: Token | None = None
    user_id: Identifier | None = None
    dialect: ProtocolVersion = ProtocolVersion.V1
    name: RawName | None = None
    origin: str | None = None


class JoinReply(Model):
    """The user who joined, and the sequence of their record in ``MEMBERS``."""

    user: User
    seq: Sequence


class JoinBatchRequest(Model):
    """Add connections, also of different members, each as by a ``JoinRequest``.

    A retry of the whole request adds no connection twice. One that is refused does not refuse the others.
    """

    joins: Annotated[tuple[JoinRequest, ...], Field(min_length=1, max_length=JOIN_BATCH_MAX)]


class JoinResult(Model):
    """The outcome of one join: ``reply`` if its connection is on the record, else ``fault``."""

    reply: JoinReply | None = None
    fault: Fault | None = None


class JoinBatchReply(Model):
    """A result for each join of the request, in the same order."""

    results: tuple[JoinResult, ...]


class LeaveReason(StrEnum):
    """How a connection ended. It determines how long the member stays listed and keeps the name."""

    EXIT = "exit"
    """The user left: removed from the list, and the name is free immediately."""
    CLOSED = "closed"
    """A clean close, perhaps a page reload."""
    BROKEN = "broken"
    """The connection was lost; the user is expected to reconnect."""


class LeaveRequest(Model):
    """Remove ``connections`` from a member; an empty list removes all of them."""

    user_id: Identifier
    connections: Annotated[tuple[Identifier, ...], Field(max_length=MAX_CONNECTIONS)] = ()
    manner: LeaveReason


class LeaveReply(Model):
    """The sequence of the member's record in ``MEMBERS``; 0 if there is no record."""

    seq: Sequence


GUEST = User(id="guest", name="guest")
"""The sender of a relayed frame from an unidentified client."""


class SendRequest(Model):
    """Store a message. ``client_id`` is an idempotency key of the sender: a retry stores nothing new.

    ``files``, ``thread``, ``broadcast``: as in the frame. The sender is ``user_id``. A frame to relay
    (``raw``) may come from an unidentified client: without ``user_id``, under ``guest_name`` unless a member
    with a token holds it. ``command``: the text is a command that the sender may give.
    """

    user_id: Identifier | None = None
    guest_name: RawName | None = None
    client_id: ClientId
    room: RoomName
    text: SentText
    raw: LegacyFrame | None = None
    files: FileIds | None = None
    thread: Identifier | None = None
    broadcast: bool | None = None
    command: CommandOrder | None = None


class SendReply(Model):
    """What a request about a message has stored: a message, or a change of one.

    ``id``: that of the message. ``seq`` and ``timestamp``: those of the event. ``duplicate``: nothing had to
    be stored, since an earlier request with the same ``client_id`` did, or the message is as requested
    already. Then they are those of the message, or of its last edit.
    """

    seq: Sequence
    id: Identifier
    timestamp: Timestamp
    duplicate: bool = False


class EditRequest(Model):
    """Replace the text of a message; only its author may.

    ``client_id``: an idempotency key of the author. A retry of one of the last :data:`EDIT_KEYS_MAX` edits
    changes nothing, also if a later edit came in between.
    """

    user_id: Identifier
    client_id: ClientId
    room: RoomName
    id: Identifier
    text: SentText


class DeleteRequest(Model):
    """Remove a message as its author. ``client_id`` only names the request: repeating it changes nothing."""

    user_id: Identifier
    client_id: ClientId
    room: RoomName
    id: Identifier


class ReactRequest(Model):
    """Add a reaction of this person to a message, or with ``on`` false take it back.

    ``client_id`` only names the request: repeating it changes nothing.
    """

    user_id: Identifier
    client_id: ClientId
    room: RoomName
    id: Identifier
    emoji: Emoji
    on: bool = True


class PinRequest(Model):
    """Pin a message in its room, or with ``on`` false unpin it; everybody who may send there may.

    ``client_id`` only names the request: repeating it changes nothing.
    """

    user_id: Identifier
    client_id: ClientId
    room: RoomName
    id: Identifier
    on: bool = True


class SendBatchRequest(Model):
    """Store messages in this order, one right after another, each as by a ``SendRequest``.

    Of several with one ``client_id``, the first counts. A retry of the whole request stores nothing twice and
    keeps the order. If one can't be stored now (``unavailable`` or ``overloaded``), those after it are
    refused with the same error, so that a client that sends them again keeps its order.
    """

    messages: Annotated[tuple[SendRequest, ...], Field(min_length=1, max_length=SEND_BATCH_MAX)]


class SendResult(Model):
    """The outcome of one message: ``reply`` if it is stored, else ``fault``."""

    reply: SendReply | None = None
    fault: Fault | None = None


class SendBatchReply(Model):
    """A result for each message of the request, in the same order."""

    results: tuple[SendResult, ...]


class UsersRequest(Model):
    """Get a page of the user list, after ``after``: the ``next`` of the page before."""

    after: UserCursor | None = None
    limit: Annotated[int, Field(ge=1, le=USERS_MAX)] = USERS_MAX


class UserPage(Model):
    """Listed users in the order of joining; ``next`` is the ``after`` of the next page, if there is one.

    ``epoch``: that of the stream of members. Pages of different epochs don't belong together.
    """

    users: tuple[User, ...]
    next: UserCursor | None = None
    epoch: Epoch | None = None


class UsersReply(Model):
    """Listed users in the order of joining. ``next``: the ``after`` of the next page, if there is one."""

    users: tuple[User, ...]
    next: UserCursor | None = None


class HistoryRequest(Model):
    """Get a page of a room's messages: the latest, those before a sequence, or those after one.

    ``user_id``: who reads it. Without one, only rooms that everybody is in can be read. ``at``: as the room
    was when this was the last sequence; it can't be together with ``after``.
    """

    room: RoomName
    user_id: Identifier | None = None
    before: Sequence | None = None
    after: Sequence | None = None
    at: Sequence | None = None
    limit: Annotated[int, Field(ge=1, le=HISTORY_MAX)] = 50


MENTIONED_MAX = 50
"""The maximum number of people that a message mentions by name."""


class Mentions(Model):
    """Who a message mentions: ``users`` (ids), and with ``everybody`` all in its room."""

    users: Annotated[tuple[Identifier, ...], Field(max_length=MENTIONED_MAX)] = ()
    everybody: bool | None = None


class Reactions(Model):
    """The reactions to a message with one emoji.

    ``users``: those who reacted first, :data:`REACTORS_MAX` at most. ``me``: whether the requester is one of
    all of them.
    """

    emoji: Emoji
    count: Annotated[int, Field(ge=1)]
    users: Annotated[tuple[User, ...], Field(max_length=REACTORS_MAX)]
    me: bool | None = None


class Imported(Model):
    """Where an imported message is from, and when it was imported. Its ``timestamp`` is the original one.

    ``edited_at``: when it was edited there. ``reactions``: those that it had there.
    """

    source: Annotated[str, Field(min_length=1, max_length=64)]
    at: Timestamp
    edited_at: Timestamp | None = None
    reactions: Annotated[tuple[Reactions, ...], Field(max_length=REACTIONS_MAX)] | None = None


class MessageOptions(Model):
    """What a message may have beside its text. It is stored with the message, and an edit keeps it.

    Earlier releases can't read messages that have it, and show them to nobody.

    ``thread``: the message that it replies to, the first of a thread. ``broadcast``: the reply is shown in
    the room as well. ``mentions``: found in the text when it was stored. ``imported``: it is from another
    chat. ``card``: what clients that show cards draw instead of the text, which says the same.
    ``command``: the text is a command, which is done once; it can't be edited.
    """

    thread: Identifier | None = None
    broadcast: bool | None = None
    files: Files | None = None
    mentions: Mentions | None = None
    imported: Imported | None = None
    card: Card | None = None
    command: CommandCall | None = None


PARTICIPANTS_MAX = 5
"""How many people of a thread a summary names."""


class ThreadSummary(Model):
    """The replies to a message. ``last``: the place of the last one. ``participants``: the first to reply."""

    replies: Annotated[int, Field(ge=1)]
    last: Sequence
    participants: Annotated[tuple[User, ...], Field(max_length=PARTICIPANTS_MAX)] = ()


class Message(MessageOptions):
    """A message with its sequence, as returned by ``/api/v1``.

    ``seq``: its place in the room, which an edit does not change. ``edited_at``: when its text was last
    changed. ``reactions``: in the order in which their emoji were first used; frames of events have none.
    ``pinned``: it is one of the room's pinned messages. ``replies``: its thread, if it has one. Both are
    missing in frames, too.
    """

    seq: Sequence
    id: Identifier
    room: RoomName
    user: User
    text: SentText
    timestamp: Timestamp
    client_id: ClientId | None = None
    edited_at: Timestamp | None = None
    reactions: Annotated[tuple[Reactions, ...], Field(max_length=REACTIONS_MAX)] | None = None
    pinned: bool | None = None
    replies: ThreadSummary | None = None


class ErasedMessage(Model):
    """A message that was there at an earlier time, and whose text of that time is erased.

    ``seq`` and ``timestamp``: those of the message. ``removed``: it was removed since; else it was edited.
    ``user``: who wrote it, if it was edited.
    """

    seq: Sequence
    id: Identifier
    timestamp: Timestamp
    removed: bool
    user: User | None = None


class HistoryReply(Model):
    """Messages in ascending order of their places.

    ``next`` is there if there may be more, however few messages the page has: the ``before`` of the next
    page, or the ``after`` if the request had one. Without it there are no more. (The chat service omits it
    for a full page, since gateways of the last release reject it; the gateway adds it.) ``epoch``: that of
    the sequences, as the gateway knew it when it requested the page. A client drops a page of another epoch
    than its connection's.

    ``as_of``: the page has every event up to this sequence. Of later ones, it may have some: applying one
    again changes nothing.

    ``erased``: there if the request had ``at``: the messages among these that were there then, and whose
    texts of then are erased; ascending. Reactions, pins and threads are not part of such a page.
    """

    messages: tuple[Message, ...]
    next: Sequence | None = None
    epoch: Epoch | None = None
    as_of: Sequence | None = None
    erased: tuple[ErasedMessage, ...] | None = None


class ThreadRequest(Model):
    """Get the message ``id`` and a page of the replies to it: the last ones, or those before a sequence."""

    room: RoomName
    id: Identifier
    user_id: Identifier | None = None
    before: Sequence | None = None
    limit: Annotated[int, Field(ge=1, le=HISTORY_MAX)] = 50


class ThreadReply(Model):
    """A thread: its first message, and replies in ascending order of their places.

    ``next``: the ``before`` of the next page, if there is one. ``as_of``: as in the history.
    """

    root: Message
    replies: Annotated[tuple[Message, ...], Field(max_length=HISTORY_MAX)] = ()
    next: Sequence | None = None
    as_of: Sequence | None = None


class PinsRequest(Model):
    """Get a page of the pinned messages of a room, the one that was pinned last first.

    ``before``: the ``next`` of the page before.
    """

    room: RoomName
    user_id: Identifier | None = None
    before: Sequence | None = None


class Pin(Model):
    """A pinned message. ``seq`` and ``at``: those of the event that pinned it; ``by``: who did."""

    seq: Sequence
    by: User
    at: Timestamp
    message: Message


class PinsReply(Model):
    """Pinned messages, the one that was pinned last first. ``next`` and ``as_of``: as in the history."""

    pins: Annotated[tuple[Pin, ...], Field(max_length=PINS_MAX)]
    next: Sequence | None = None
    as_of: Sequence | None = None


class WhoamiRequest(Model):
    """Get the owner of a token."""

    token: Token


class BotOwner(Model):
    """A person who owns a bot, and the grants of their devices: the bot has no more rights than they give."""

    user: User
    grants: Annotated[tuple[Grant, ...], Field(max_length=DEVICES_MAX)] = ()


class WhoamiReply(Model):
    """The token's owner, and the permissions granted at registration.

    ``owner``: for a bot that a person owns, that person; missing if they are gone, or a static token owns it.
    """

    user: User
    grant: Grant | None = None
    owner: BotOwner | None = None


class TypingEvent(Model):
    """A typing notice on ``chat.typing.<room>``; never stored."""

    room: RoomName
    user: User


def _upgrade_member(old: MemberV1) -> Member:
    return copy_fields(old, Member)


MEMBER = StoredContract(Member, {1: PreviousVersion(MemberV1, _upgrade_member)})
NAME_CLAIM = StoredContract(NameClaim)
TYPING_EVENT = TypeAdapter(TypingEvent)
