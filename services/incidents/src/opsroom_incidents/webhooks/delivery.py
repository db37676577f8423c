"""Signed requests to the receivers of webhooks."""

import hashlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts.incidents.webhooks import PROBLEM_MAX, OutgoingEvent, WebhookRecord
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.text import clip
from opsroom_incidents.domain.retries import RetryRule
from opsroom_incidents.domain.webhooks import signatures, valid_secrets
from opsroom_runtime.metrics import Counter
from opsroom_runtime.outbound.client import NotSentError, OutboundClient, UncertainError

_GONE: Final = 410
_AGENT: Final = "opsroom"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has the event."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no more events."""

    problem: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver does not have the event, or has not said so. ``delay``: until the next attempt."""

    problem: str
    delay: timedelta


Delivery = Delivered | Gone | Failed


class WebhookSender:
    """Posts events. ``outcomes`` counts requests by their outcome."""

    def __init__(
        self, client: OutboundClient, retries: RetryRule, clock: Callable[[], datetime], outcomes: Counter
    ) -> None:
        self._client = client
        self._retries = retries
        self._clock = clock
        self._outcomes = outcomes
        self._random = random.Random()  # noqa: S311 - it spreads requests, and protects nothing

    async def send(self, webhook: WebhookRecord, event: OutgoingEvent, attempts: int) -> Delivery:
        """Post an event. ``attempts``: with this one."""
        body, now = encode(event), self._clock()
        moment = int(now.timestamp())
        secrets = [one.secret for one in valid_secrets(webhook, now)]
        headers: dict[str | bytes, str | bytes] = {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "webhook-id": event.id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signatures(secrets, event.id, moment, body),
        }
        try:
            outcome = await self._client.post(webhook.url, headers, body)
        except (NotSentError, UncertainError) as error:
            return self._failed(webhook, event, attempts, clip(str(error), PROBLEM_MAX))
        if 200 <= outcome.status < 300:
            self._outcomes.add("delivered")
            return Delivered()
        problem = f"the receiver answered {outcome.status}"
        if outcome.status == _GONE:
            self._outcomes.add("gone")
            return Gone(problem)
        return self._failed(webhook, event, attempts, problem, outcome.retry_after)

    def _failed(
        self,
        webhook: WebhookRecord,
        event: OutgoingEvent,
        attempts: int,
        problem: str,
        wanted: float | None = None,
    ) -> Failed:
        self._outcomes.add("failed")
        delay = self._retries.delay(attempts, self._random.random(), wanted)
        log.info("webhook %s did not get %s (%d attempts): %s", webhook.id, event.id, attempts, problem)
        return Failed(problem, delay)


def consumer_name(webhook_id: str, generation: int, epoch: str | None) -> str:
    """Return the name of the consumer of one place of a webhook in a stream with this epoch."""
    life = hashlib.sha256((epoch or "").encode()).hexdigest()[:8]
    return f"webhook-{webhook_id}-{generation}-{life}"
