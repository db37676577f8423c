"""Request bodies of ``/api/v1/chat/notifications``."""

from typing import Annotated

from pydantic import Field

from opsroom_contracts.chat.notifications import (
    CHANGES_MAX,
    NotifyLevel,
    PushEndpoint,
    PushKeys,
    QuietHours,
    RoomLevel,
)
from opsroom_contracts.serialization.model import Model, RoomName

_Levels = Annotated[dict[RoomName, Annotated[RoomLevel, Field(strict=False)]], Field(max_length=CHANGES_MAX)]


class NotificationsPatch(Model, defer_build=False):
    """Changes of settings; what is missing stays. ``quietOff``: remove the quiet hours."""

    level: Annotated[NotifyLevel | None, Field(strict=False)] = None
    rooms: _Levels | None = None
    quiet: QuietHours | None = None
    quiet_off: bool | None = None


class NewSubscription(Model, defer_build=False):
    """A push subscription, as a browser's ``PushSubscription`` has it."""

    endpoint: PushEndpoint
    keys: PushKeys
