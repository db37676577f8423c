"""Request and response bodies of ``/api/v1/webhooks``."""

from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, RotationSeconds
from opsroom_contracts.incidents.webhooks import (
    EventId,
    Webhook,
    WebhookDescription,
    WebhookFilter,
    WebhookSecret,
    WebhookUrl,
)
from opsroom_contracts.serialization.model import Model


class NewWebhook(Model, defer_build=False):
    """Make a webhook: the portal posts to ``url`` what ``filter`` lets through, from now on."""

    url: WebhookUrl
    filter: WebhookFilter
    description: WebhookDescription = ""


class WebhookChange(Model, defer_build=False):
    """Change the given fields. ``enabled``: a disabled webhook gets later what was stored meanwhile."""

    url: WebhookUrl | None = None
    filter: WebhookFilter | None = None
    description: WebhookDescription | None = None
    enabled: bool | None = None


class WebhookRotation(Model, defer_build=False):
    """``seconds``: how long requests are signed with the secret before, too; 0: not at all."""

    seconds: RotationSeconds = ROTATION_SECONDS


class WebhookReplay(Model, defer_build=False):
    """``start``: the first event to deliver again, in its stream; without it, what fails is tried at once."""

    start: EventId | None = None


class WebhookWithSecret(Model):
    """A webhook and its secret, which is returned only once."""

    webhook: Webhook
    secret: WebhookSecret
