"""What the user is notified of, on all of their devices."""

from collections.abc import Mapping

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.notifications import (
    NotificationSettings,
    NotificationsReply,
    NotifyLevel,
    PushKeys,
    PushView,
    QuietHours,
    RoomLevel,
)
from opsroom_contracts.http_notifications import NewSubscription, NotificationsPatch


class Notifications:
    """Requires the token of a registered user. Methods raise the same as :meth:`Requests.request`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def get(self) -> NotificationsReply:
        """The settings, and whether this device gets pushes."""
        return await self._requests.request(Call("GET", "/chat/notifications"), NotificationsReply)

    async def change(
        self,
        *,
        level: NotifyLevel | None = None,
        rooms: Mapping[str, RoomLevel] | None = None,
        quiet: QuietHours | None = None,
        quiet_off: bool | None = None,
    ) -> NotificationSettings:
        """Change settings; what is missing stays. ``quiet_off``: no quiet hours any more."""
        with validating_request():
            body = NotificationsPatch(
                level=level, rooms=None if rooms is None else dict(rooms), quiet=quiet, quiet_off=quiet_off
            )
        call = Call("PATCH", "/chat/notifications", body=body)
        return await self._requests.request(call, NotificationSettings)

    async def subscribe(self, endpoint: str, p256dh: str, auth: str) -> PushView:
        """Push to this device (Web Push): the address and the keys of its subscription."""
        with validating_request():
            body = NewSubscription(endpoint=endpoint, keys=PushKeys(p256dh=p256dh, auth=auth))
        return await self._requests.request(Call("PUT", "/chat/notifications/push", body=body), PushView)

    async def unsubscribe(self) -> PushView:
        """Push no more to this device."""
        return await self._requests.request(Call("DELETE", "/chat/notifications/push"), PushView)
