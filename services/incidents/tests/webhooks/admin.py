"""An admin who makes webhooks, as the gateway sends the requests, and somebody whose doings are posted."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.incidents.webhooks import (
    ChangeWebhookRequest,
    CreateWebhookRequest,
    DeleteWebhookRequest,
    ReplayWebhookRequest,
    RotateWebhookRequest,
    Webhook,
    WebhookFilter,
    WebhookSecretReply,
    WebhooksRequest,
    WebhookTopic,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_testkit.waiting import until_answer
from services.incidents.tests.harness import SECONDS

ALERTS = WebhookFilter(topics=(WebhookTopic.ALERTS,))
FAST: dict[str, object] = {
    "webhook_private": True,
    "webhook_retry_seconds": 0.05,
    "webhook_retry_max_seconds": 0.5,
    "webhook_seconds": 2.0,
}
"""Settings with short times, for receivers on this machine."""


@dataclass
class Admin:
    """Requests about webhooks."""

    broker: NatsConnection
    requester: RequestClient = field(init=False)

    def __post_init__(self) -> None:
        self.requester = RequestClient(self.broker, timeout=SECONDS, first_timeout=0.5)

    async def create(
        self, url: str, wanted: WebhookFilter = ALERTS, key: str | None = None, **more: Any
    ) -> WebhookSecretReply:
        request = CreateWebhookRequest(request_id=key or uuid4().hex, url=url, filter=wanted, **more)
        return await self.requester.request(endpoints.CREATE_WEBHOOK, request)

    async def change(self, webhook: Webhook, **more: Any) -> Webhook:
        request = ChangeWebhookRequest(id=webhook.id, **more)
        return (await self.requester.request(endpoints.CHANGE_WEBHOOK, request)).webhook

    async def rotate(self, webhook: Webhook, key: str | None = None, **more: Any) -> WebhookSecretReply:
        request = RotateWebhookRequest(request_id=key or uuid4().hex, id=webhook.id, **more)
        return await self.requester.request(endpoints.ROTATE_WEBHOOK, request)

    async def replay(self, webhook: Webhook, start: str | None = None) -> Webhook:
        request = ReplayWebhookRequest(id=webhook.id, start=start)
        return (await self.requester.request(endpoints.REPLAY_WEBHOOK, request)).webhook

    async def delete(self, webhook: Webhook) -> None:
        await self.requester.request(endpoints.DELETE_WEBHOOK, DeleteWebhookRequest(id=webhook.id))

    async def all(self) -> list[Webhook]:
        return list((await self.requester.request(endpoints.WEBHOOKS, WebhooksRequest())).webhooks)

    async def one(self) -> Webhook:
        (webhook,) = await self.all()
        return webhook

    async def until_state(self, state: str) -> Webhook:
        """Wait until the only webhook has a state."""
        return await until_answer(self.one, lambda found: found.state.value == state, SECONDS)
