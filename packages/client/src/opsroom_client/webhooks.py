"""Webhooks: addresses to which the portal posts events, for admins."""

from collections.abc import Iterable, Mapping

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.http_webhooks import (
    NewWebhook,
    WebhookChange,
    WebhookReplay,
    WebhookRotation,
    WebhookWithSecret,
)
from opsroom_contracts.incidents.hooks import ROTATION_SECONDS
from opsroom_contracts.incidents.webhooks import Webhook, WebhookFilter, WebhooksReply, WebhookTopic


class Webhooks:
    """Methods raise the same as :meth:`Requests.request`, and require the token of an admin."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def all(self) -> tuple[Webhook, ...]:
        """All webhooks, the oldest first."""
        return (await self._requests.request(Call("GET", "/webhooks"), WebhooksReply)).webhooks

    async def create(
        self,
        url: str,
        topics: Iterable[WebhookTopic],
        *,
        rooms: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        description: str = "",
    ) -> WebhookWithSecret:
        """Make a webhook. The result has its secret, which is returned only once."""
        with validating_request():
            wanted = WebhookFilter(topics=tuple(topics), rooms=tuple(rooms), labels=dict(labels or {}))
            body = NewWebhook(url=url, filter=wanted, description=description)
        call = Call("POST", "/webhooks", body=body, repeatable=False)
        return await self._requests.request(call, WebhookWithSecret)

    async def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        wanted: WebhookFilter | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change a webhook: ``wanted`` is what it gets. What could not be delivered is tried at once."""
        with validating_request():
            body = WebhookChange(url=url, filter=wanted, description=description, enabled=enabled)
        return await self._requests.request(Call("PATCH", f"/webhooks/{webhook_id}", body=body), Webhook)

    async def rotate(self, webhook_id: str, *, seconds: int = ROTATION_SECONDS) -> WebhookWithSecret:
        """Give a webhook another secret. The one before signs, too, for ``seconds``."""
        with validating_request():
            body = WebhookRotation(seconds=seconds)
        call = Call("POST", f"/webhooks/{webhook_id}/rotate", body=body, repeatable=False)
        return await self._requests.request(call, WebhookWithSecret)

    async def replay(self, webhook_id: str, start: str | None = None) -> Webhook:
        """Deliver again from an event such as ``CLOUD-17`` on. Without one, the next attempt is at once."""
        with validating_request():
            body = WebhookReplay(start=start)
        return await self._requests.request(
            Call("POST", f"/webhooks/{webhook_id}/replay", body=body), Webhook
        )

    async def remove(self, webhook_id: str) -> None:
        """Remove a webhook: it gets nothing more."""
        await self._requests.send(Call("DELETE", f"/webhooks/{webhook_id}"))
