"""An admin who makes hooks, and programs that post to them."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import HistoryRequest, Message
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.incidents.hooks import (
    AlertReply,
    AlertRequest,
    CreateHookRequest,
    DeleteHookRequest,
    Hook,
    HookFormat,
    HookSecretReply,
    HooksRequest,
    RotateHookRequest,
    SentHeader,
)
from opsroom_incidents.domain.hooks import hash_of
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient


@dataclass
class Hooks:
    """Requests about hooks, as the gateway sends them."""

    broker: NatsConnection
    patience: float = 30.0
    requester: RequestClient = field(init=False)

    def __post_init__(self) -> None:
        self.requester = RequestClient(self.broker, timeout=self.patience, first_timeout=0.5)

    async def create(
        self, name: str = "alerts", room: str = "general", key: str | None = None
    ) -> HookSecretReply:
        request = CreateHookRequest(request_id=key or uuid4().hex, name=name, room=room)
        return await self.requester.request(endpoints.CREATE_HOOK, request)

    async def rotate(self, hook: Hook, key: str | None = None, **more: Any) -> HookSecretReply:
        request = RotateHookRequest(request_id=key or uuid4().hex, id=hook.id, **more)
        return await self.requester.request(endpoints.ROTATE_HOOK, request)

    async def delete(self, hook: Hook, key: str | None = None) -> None:
        request = DeleteHookRequest(request_id=key or uuid4().hex, id=hook.id)
        await self.requester.request(endpoints.DELETE_HOOK, request)

    async def all(self) -> list[Hook]:
        return list((await self.requester.request(endpoints.HOOKS, HooksRequest())).hooks)

    async def cards(self, room: str = "general", user_id: str | None = None) -> list[Card]:
        return [one.card for one in await self.messages(room, user_id) if one.card is not None]

    async def messages(self, room: str = "general", user_id: str | None = None) -> list[Message]:
        request = HistoryRequest(room=room, user_id=user_id, limit=200)
        return list((await self.requester.request(endpoints.HISTORY, request)).messages)

    async def post(
        self, secret: str, body: Any, format_: HookFormat = HookFormat.JSON, **more: Any
    ) -> AlertReply:
        """Post to a hook. ``headers``: by their names."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = tuple(SentHeader(name=name, value=value) for name, value in more.pop("headers", {}).items())
        request = AlertRequest(
            secret_hash=hash_of(secret),
            format=format_,
            body=base64.b64encode(data).decode(),
            headers=headers,
            **{"request_id": uuid4().hex, **more},
        )
        return await self.requester.request(endpoints.ALERT, request)
