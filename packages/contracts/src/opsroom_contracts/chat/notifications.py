"""Notifications: what a person wants to be notified of, and the devices that get Web Push (RFC 8030).

Settings and devices are separate records: gateways report settings to sockets, and nobody but the chat
service needs the secrets of devices.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.chat.devices import DEVICES_MAX
from opsroom_contracts.chat.rooms import ROOMS_OF_PERSON_MAX, RoomTitle
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, RoomName, Sequence, Timestamp
from opsroom_contracts.serialization.versions import StoredContract

CHANGES_MAX = 50
"""The maximum number of rooms in one request."""
_LEVELS_MAX = ROOMS_OF_PERSON_MAX + 100
ENDPOINT_MAX = 1024
"""The maximum length of the address of a push subscription, in characters."""
PUSH_TEXT_MAX = 160
"""How many characters of a message a push has."""


class NotifyLevel(StrEnum):
    """What a person is notified of."""

    ALL = "all"
    """Every message of others."""
    MENTIONS = "mentions"
    """Messages that mention them, or everybody in the room."""
    NOTHING = "nothing"


class RoomLevel(StrEnum):
    """A change of the level of one room: one of :class:`NotifyLevel`, or again what applies elsewhere."""

    USUAL = "usual"
    ALL = "all"
    MENTIONS = "mentions"
    NOTHING = "nothing"


ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, from 00:00 to 23:59."""
ZoneName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", max_length=64)]
"""The name of a time zone of the IANA database, such as ``Europe/Berlin``."""


class QuietHours(Model):
    """Do not disturb: each day from ``begin`` to before ``end``, by the clocks of ``zone``.

    If ``end`` is earlier, it is on the next day. If both are the same, it is always quiet.
    """

    begin: ClockTime
    end: ClockTime
    zone: ZoneName


class NotificationSettings(Model):
    """What one person wants to be notified of, the same on all of their devices.

    ``level``: in rooms that ``rooms`` does not list. In direct rooms that it does not list, it is ``all``,
    unless ``level`` is ``nothing``. ``quiet``: hours in which nothing is shown or pushed.
    """

    level: NotifyLevel = NotifyLevel.MENTIONS
    rooms: dict[RoomName, NotifyLevel] = Field(default_factory=dict, max_length=_LEVELS_MAX)
    quiet: QuietHours | None = None


class NotificationsRecord(Model):
    """The settings of one person, on ``chat.notifications.<user>``."""

    version: Literal[1] = 1
    user_id: Identifier
    settings: NotificationSettings = NotificationSettings()


class PushKeys(Model):
    """The keys of a push subscription, as browsers give them: base64url without padding (RFC 8291).

    ``p256dh``: a public key on the curve P-256, 65 bytes. ``auth``: a secret of 16 bytes.
    """

    p256dh: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{87}$", alias="p256dh")]
    auth: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")]


PushEndpoint = Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=ENDPOINT_MAX)]
"""The address of a push subscription. Who knows it can address the device, so it is a secret."""


class PushDevice(Model):
    """A device that gets pushes, for as long as its token is valid.

    ``token_hash``: the digest of its token. ``contact``: the page that subscribed it, as the contact for
    push services.
    """

    token_hash: Annotated[str, Field(min_length=1, max_length=128)]
    endpoint: PushEndpoint
    keys: PushKeys
    at: Timestamp
    contact: Annotated[str, Field(max_length=256)] | None = None


class PushDevices(Model):
    """The devices of one person, on ``chat.push-devices.<user>``; the one that subscribed last comes last."""

    version: Literal[1] = 1
    user_id: Identifier
    devices: Annotated[tuple[PushDevice, ...], Field(max_length=DEVICES_MAX)] = ()


class PushIdentity(Model):
    """The key pair by which push services know this portal (VAPID, RFC 8292), on ``chat.push.vapid``.

    It is made once: subscriptions are bound to it. ``private_key``: PKCS #8, PEM. ``public_key``: the point
    in base64url, as browsers take it.
    """

    version: Literal[1] = 1
    private_key: Annotated[str, Field(max_length=1024)]
    public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{87}$")]
    at: Timestamp


class PushPosition(Model):
    """Up to which sequence of ``CHAT`` messages are pushed, on ``chat.push.position``.

    ``holder``: the process that moved it here, and pushes what was before. ``epoch``: that of ``CHAT``.
    """

    version: Literal[1] = 1
    epoch: Epoch | None = None
    seq: Sequence
    holder: Identifier


class PushReason(StrEnum):
    """Why somebody is notified of a message."""

    MENTION = "mention"
    DIRECT = "direct"
    MESSAGE = "message"


class PushPayload(Model):
    """What a push says, encrypted for the device (RFC 8291). Unknown fields are to be ignored.

    ``room_name``: missing for direct rooms. ``text``: the beginning of the message, or the name of its first
    file. ``unread``: how many messages the person has not read in this room.
    """

    version: Literal[1] = 1
    reason: PushReason
    room: RoomName
    room_name: RoomTitle | None = None
    id: Identifier
    seq: Sequence
    thread: Identifier | None = None
    sender: Annotated[str, Field(max_length=64)]
    text: Annotated[str, Field(max_length=PUSH_TEXT_MAX)]
    unread: Annotated[int, Field(ge=0)] | None = None


class PushView(Model):
    """Web Push of one person. ``public_key``: what a browser subscribes with.

    ``devices``: how many get pushes. ``here``: whether the requesting device is one of them.
    """

    public_key: str
    devices: Annotated[int, Field(ge=0)]
    here: bool


class NotificationsRequest(Model):
    """Get the settings of a person. ``token_hash``: the digest of the token of the requesting device."""

    user_id: Identifier
    token_hash: str | None = None


class NotificationsReply(Model):
    """The settings. ``push``: missing if this portal pushes nothing."""

    settings: NotificationSettings
    push: PushView | None = None


RoomLevels = Annotated[dict[RoomName, RoomLevel], Field(max_length=CHANGES_MAX)]


class ChangeNotificationsRequest(Model):
    """Change settings; what is missing stays. ``quiet_off``: remove the quiet hours.

    Rooms that the person is no longer in are dropped.
    """

    user_id: Identifier
    level: NotifyLevel | None = None
    rooms: RoomLevels | None = None
    quiet: QuietHours | None = None
    quiet_off: bool | None = None


class ChangeNotificationsReply(Model):
    """The settings after the change. ``seq``: that of the record in ``MEMBERS``; 0: nothing had to change."""

    settings: NotificationSettings
    seq: Sequence


class SubscribeRequest(Model):
    """Push to a device of a person from now on; it replaces what the device has subscribed before.

    ``token_hash``: the digest of the device's token. ``contact``: as in :class:`PushDevice`.
    """

    user_id: Identifier
    token_hash: str
    endpoint: PushEndpoint
    keys: PushKeys
    contact: Annotated[str, Field(max_length=256)] | None = None


class UnsubscribeRequest(Model):
    """Push no more to a device; repeating it changes nothing."""

    user_id: Identifier
    token_hash: str


NOTIFICATIONS_RECORD = StoredContract(NotificationsRecord)
PUSH_DEVICES = StoredContract(PushDevices)
PUSH_IDENTITY = StoredContract(PushIdentity)
PUSH_POSITION = StoredContract(PushPosition)
