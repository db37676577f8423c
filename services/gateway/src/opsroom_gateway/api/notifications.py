"""Routes of notifications: settings, and the push subscription of a device."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.notifications import (
    ChangeNotificationsRequest,
    NotificationSettings,
    NotificationsReply,
    NotificationsRequest,
    PushView,
    SubscribeRequest,
    UnsubscribeRequest,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http_notifications import NewSubscription, NotificationsPatch
from opsroom_contracts.identity import Action
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.rooms import ROOM_ERRORS
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEEN_SECONDS: Final = 2.0
_CONTACT_MAX: Final = 256
_KEY: Final = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"
_SETTINGS: Final = {
    "level": "mentions",
    "rooms": {"general": "all"},
    "quiet": {"begin": "22:00", "end": "07:00", "zone": "Europe/Berlin"},
}
_PUSH: Final = {"publicKey": _KEY, "devices": 1, "here": True}
_SUBSCRIPTION: Final = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA…",
    "keys": {"p256dh": _KEY, "auth": "tBHItJI5svbpez7KI4CCXg"},
}


@dataclass(frozen=True, slots=True)
class _Device:
    """The registered user and the device that sent a request."""

    user_id: str
    token_hash: str


def notifications_router(
    requester: RequestClient, subscription: StreamSubscription, access: Authorizer, limits: Limits
) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix="/chat/notifications", tags=["notifications"], dependencies=[BEARER])

    async def require_device(request: Request) -> _Device:
        principal = await access.authorize(request, Action.CHAT)
        if principal.user is None or principal.token_digest is None:
            raise refuse(ErrorCode.FORBIDDEN, "register a name first: notifications are for registered users")
        limits.count_message(client_of(request), principal.identity)
        return _Device(principal.user.id, principal.token_digest)

    device = Depends(require_device)

    @router.get(
        "",
        summary="Get notification settings",
        responses=example_response(200, {"settings": _SETTINGS, "push": _PUSH})
        | error_responses(*ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def get(who: Annotated[_Device, device]) -> NotificationsReply:
        """The same on all of your devices, except `push.here`: whether this device gets pushes.

        `push` is missing if this portal pushes nothing.
        """
        request = NotificationsRequest(user_id=who.user_id, token_hash=who.token_hash)
        return await requester.request(endpoints.NOTIFICATIONS, request)

    @router.patch(
        "",
        summary="Change notification settings",
        responses=example_response(200, _SETTINGS) | error_responses(ErrorCode.INVALID_REQUEST, *ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def change(
        who: Annotated[_Device, device],
        body: Annotated[NotificationsPatch, Body(examples=[{"rooms": {"general": "nothing"}}])],
    ) -> NotificationSettings:
        """What is missing stays. `usual`: the level of the room is removed."""
        request = ChangeNotificationsRequest(
            user_id=who.user_id,
            level=body.level,
            rooms=body.rooms,
            quiet=body.quiet,
            quiet_off=body.quiet_off,
        )
        reply = await requester.request(endpoints.CHANGE_NOTIFICATIONS, request)
        await subscription.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.settings

    @router.put(
        "/push",
        summary="Push to this device",
        responses=example_response(200, _PUSH)
        | error_responses(ErrorCode.INVALID_REQUEST, ErrorCode.UNSUPPORTED, *ROOM_ERRORS),
    )
    async def subscribe(
        request: Request,
        who: Annotated[_Device, device],
        body: Annotated[NewSubscription, Body(examples=[_SUBSCRIPTION])],
    ) -> PushView:
        """The subscription of a browser (`PushSubscription.toJSON()`), made with the `publicKey` of `push`.

        It replaces the one that the device had. It ends when the device signs out, when the user is banned,
        or when the push service says that it is gone.
        """
        contact = request.headers.get("origin", "")
        wanted = SubscribeRequest(
            user_id=who.user_id,
            token_hash=who.token_hash,
            endpoint=body.endpoint,
            keys=body.keys,
            contact=contact if contact.startswith("https://") and len(contact) <= _CONTACT_MAX else None,
        )
        return await requester.request(endpoints.SUBSCRIBE, wanted)

    @router.delete(
        "/push",
        summary="Push no more to this device",
        responses=example_response(200, {**_PUSH, "devices": 0, "here": False})
        | error_responses(ErrorCode.UNSUPPORTED, *ROOM_ERRORS),
    )
    async def unsubscribe(who: Annotated[_Device, device]) -> PushView:
        """Repeating it changes nothing."""
        wanted = UnsubscribeRequest(user_id=who.user_id, token_hash=who.token_hash)
        return await requester.request(endpoints.UNSUBSCRIBE, wanted)

    return router
