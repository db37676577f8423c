"""The delivery of all webhooks by one process."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts.incidents.webhooks import WebhookRecord
from opsroom_incidents.domain.retries import RetryRule
from opsroom_incidents.settings import IncidentsSettings
from opsroom_incidents.webhooks.store import WebhookStore
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError
from opsroom_runtime.failure_log import FailureLog

_LOOK_SECONDS: Final = 5.0
"""How often a process looks for webhooks that another one has changed."""
_ACK_FACTOR: Final = 2.0
"""Another process takes an event over after this many times the longest request."""
OUTCOMES: Final = ("delivered", "failed", "gone")

log = logging.getLogger(__name__)


class WebhookDelivery:
    """Looks for webhooks, and runs their lanes."""

    def __init__(
        self,
        broker: NatsConnection,
        store: WebhookStore,
        requester: RequestClient,
        clock: Callable[[], datetime],
        settings: IncidentsSettings,
    ) -> None:
        self._broker = broker
        self._store = store
        self._requester = requester
        self._clock = clock
        self._settings = settings
        self._wake = asyncio.Event()
        self._failure_log = FailureLog(log, "looking for webhooks", level=logging.INFO)
        self._outcomes = broker.metrics.counter(
            "webhook_requests", "Requests to webhooks by their outcome.", ("outcome",)
        )
        for outcome in OUTCOMES:
            self._outcomes.add(outcome, amount=0)

    def look_now(self) -> None:
        """Look for changed webhooks soon."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while not (found := await self._read()):
            await self._pause()
        # Most portals have no webhooks, and these take several MiB of memory.
        from opsroom_incidents.webhooks.delivery import WebhookSender  # noqa: PLC0415
        from opsroom_incidents.webhooks.lane import LaneParts  # noqa: PLC0415
        from opsroom_incidents.webhooks.lanes import Lanes  # noqa: PLC0415
        from opsroom_runtime.outbound.client import outbound_client  # noqa: PLC0415

        settings = self._settings
        retries = RetryRule(
            timedelta(seconds=settings.webhook_retry_seconds),
            timedelta(seconds=settings.webhook_retry_max_seconds),
        )
        async with outbound_client(
            allow_private=settings.webhook_private, seconds=settings.webhook_seconds
        ) as client:
            sender = WebhookSender(client, retries, self._clock, self._outcomes)
            ack_wait = _ACK_FACTOR * settings.webhook_seconds
            lanes = Lanes(
                LaneParts(self._broker, self._store, sender, self._requester, self._clock, ack_wait)
            )
            try:
                while True:
                    if found is not None:
                        await lanes.follow(found)
                    await self._pause()
                    found = await self._read()
            finally:
                await lanes.stop()

    async def _read(self) -> tuple[WebhookRecord, ...] | None:
        """Return all webhooks; None: the broker does not respond."""
        try:
            found = await self._store.all()
        except UnavailableError as error:
            self._failure_log.failed(str(error))
            return None
        self._failure_log.succeeded()
        return found

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
