"""People with devices that get pushes, for tests."""

from typing import Any
from uuid import uuid4

from opsroom_chat.domain.tokens import token_hash
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendReply, SendRequest
from opsroom_contracts.chat.notifications import (
    ChangeNotificationsRequest,
    NotificationSettings,
    NotificationsReply,
    NotificationsRequest,
    PushView,
    SubscribeRequest,
    UnsubscribeRequest,
)
from services.chat.tests.harness import Chat
from services.chat.tests.push.push_service import PushService


class Reader:
    """A registered person who is away, with one device."""

    def __init__(self, chat: Chat, service: PushService, name: str) -> None:
        self._chat = chat
        self._service = service
        self.name = name
        self.id = self.token = ""

    async def register(self) -> None:
        reply = await self._chat.register(self.name)
        self.id, self.token = reply.user.id, reply.token or ""

    async def subscribe(self, device: str | None = None, endpoint: str | None = None) -> PushView:
        address, keys = self._service.subscribe(device or self.name)
        request = SubscribeRequest(
            user_id=self.id, token_hash=token_hash(self.token), endpoint=endpoint or address, keys=keys
        )
        return await self._chat.requester.request(endpoints.SUBSCRIBE, request)

    async def unsubscribe(self) -> PushView:
        request = UnsubscribeRequest(user_id=self.id, token_hash=token_hash(self.token))
        return await self._chat.requester.request(endpoints.UNSUBSCRIBE, request)

    async def change(self, **changes: Any) -> NotificationSettings:
        request = ChangeNotificationsRequest(user_id=self.id, **changes)
        reply = await self._chat.requester.request(endpoints.CHANGE_NOTIFICATIONS, request)
        return reply.settings

    async def get(self) -> NotificationsReply:
        request = NotificationsRequest(user_id=self.id, token_hash=token_hash(self.token))
        return await self._chat.requester.request(endpoints.NOTIFICATIONS, request)

    async def devices(self) -> int:
        found = await self.get()
        return 0 if found.push is None else found.push.devices

    async def send(self, text: str, room: str = "general", **more: Any) -> SendReply:
        request = SendRequest(user_id=self.id, client_id=uuid4().hex, room=room, text=text, **more)
        return await self._chat.requester.request(endpoints.SEND, request)

    @property
    def texts(self) -> list[str]:
        """What this person's device has got."""
        return self._service.texts(self.name)


async def person(chat: Chat, service: PushService, name: str, *, subscribed: bool = True) -> Reader:
    """Register a person, by default with a device."""
    reader = Reader(chat, service, name)
    await reader.register()
    if subscribed:
        await reader.subscribe()
    return reader
