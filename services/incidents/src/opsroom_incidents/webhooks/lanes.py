"""The lanes of one process: one for each stream of each webhook."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opsroom_contracts.incidents.webhooks import WebhookRecord
from opsroom_incidents.domain.outgoing import sources_of
from opsroom_incidents.webhooks.lane import Lane, LaneParts
from opsroom_messaging.errors import UnavailableError
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import cancel_and_wait

_RETRY_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    lane: Lane
    task: asyncio.Task[None]
    webhook: WebhookRecord


class Lanes:
    """Runs lanes. Every process has all of them, and each event goes to one process."""

    def __init__(self, parts: LaneParts) -> None:
        self._parts = parts
        self._running: dict[tuple[str, str], _Running] = {}
        parts.broker.on_reconnect(self._interrupt)

    async def follow(self, webhooks: Sequence[WebhookRecord]) -> None:
        """Run the lanes of these webhooks as they are now, and no others."""
        wanted = {
            (webhook.id, source.stream): (webhook, source)
            for webhook in webhooks
            if webhook.disabled is None
            for source in sources_of(webhook.filter)
        }
        ended = [
            key
            for key, one in self._running.items()
            if key not in wanted or wanted[key][0] != one.webhook or one.task.done()
        ]
        await cancel_and_wait([self._running.pop(key).task for key in ended])
        for key, (webhook, source) in wanted.items():
            if key not in self._running:
                lane = Lane(self._parts, webhook, source)
                task = asyncio.create_task(_keep_running(lane, " ".join(key)), name=f"webhook {key}")
                self._running[key] = _Running(lane, task, webhook)

    async def stop(self) -> None:
        """Stop all lanes. What they have taken is delivered again."""
        await cancel_and_wait([one.task for one in self._running.values()])
        self._running.clear()

    def _interrupt(self) -> None:
        for one in self._running.values():
            one.lane.interrupt()


async def _keep_running(lane: Lane, name: str) -> None:
    failure_log = FailureLog(log, f"webhook {name}", level=logging.INFO)
    while True:
        try:
            await lane.run()
        except UnavailableError as error:
            failure_log.failed(str(error))
        await asyncio.sleep(_RETRY_SECONDS)
