"""The records of webhooks and of how far they are, read from the broker and changed by guarded writes."""

from typing import Final

from opsroom_contracts.incidents.webhooks import (
    WEBHOOK,
    WEBHOOK_PROGRESS,
    WEBHOOKS_MAX,
    WebhookProgress,
    WebhookRecord,
)
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import WEBHOOKS, webhook_progress_subject, webhook_subject
from opsroom_incidents.domain.outgoing import SOURCES
from opsroom_incidents.domain.webhooks import unknown
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_REMOVED_SECONDS: Final = 86_400
"""How long the record of a removed webhook is kept, so that every process learns of it."""
_PROGRESS_SECONDS: Final = 90 * 86_400
"""How long it is known how far a webhook is, after that changed last."""
_PAGE: Final = 100


class WebhookStore:
    """Reads and writes webhooks. Methods raise UnavailableError if the broker does not respond."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, webhook_id: str) -> tuple[WebhookRecord, int] | None:
        """Return a webhook and the sequence of its record; None if there is none."""
        stored = await self._reader.last(webhook_subject(webhook_id))
        webhook = None if stored is None else _webhook(stored)
        return None if stored is None or webhook is None else (webhook, stored.seq)

    async def get(self, webhook_id: str) -> tuple[WebhookRecord, int]:
        """Return a webhook that is not removed, and the sequence of its record.

        Raises:
            FaultError: ``webhook_unknown``.
        """
        found = await self.find(webhook_id)
        if found is None or found[0].removed:
            raise unknown(webhook_id)
        return found

    async def all(self) -> tuple[WebhookRecord, ...]:
        """Return all webhooks that are not removed, the oldest first."""
        found: dict[str, WebhookRecord] = {}
        start = 1
        while page := await self._reader.page(WEBHOOKS, start=start, count=_PAGE):
            for stored in page:
                webhook = _webhook(stored)
                if webhook is not None:
                    found[webhook.id] = webhook
            start = page[-1].seq + 1
            if len(page) < _PAGE or len(found) > 4 * WEBHOOKS_MAX:
                break
        kept = (one for one in found.values() if not one.removed)
        return tuple(sorted(kept, key=lambda one: (one.created_at, one.id)))

    async def put(self, webhook: WebhookRecord, expected: int) -> None:
        """Store a webhook. ``expected``: the sequence of its record; 0: it is new.

        Raises:
            UnavailableError: another request was faster, or the broker did not respond.
        """
        ttl = _REMOVED_SECONDS if webhook.removed else None
        subject = webhook_subject(webhook.id)
        try:
            await self._writer.write(
                Write(subject, encode(webhook), expected=expected, ttl=ttl, replaces=True)
            )
        except ConflictError as error:
            raise UnavailableError("the webhook is being changed by another request") from error

    async def progress(self, webhook_id: str, stream: str) -> WebhookProgress | None:
        """Return how far a webhook is in a stream; None if that is not known."""
        stored = await self._reader.last(webhook_progress_subject(webhook_id, stream))
        if stored is None:
            return None
        try:
            return WEBHOOK_PROGRESS.read(stored.data)
        except ContractError:
            return None

    async def all_progress(self, webhook_id: str) -> dict[str, WebhookProgress]:
        """Return how far a webhook is in each stream, as far as that is known."""
        found = {one.stream: await self.progress(webhook_id, one.stream) for one in SOURCES}
        return {stream: progress for stream, progress in found.items() if progress is not None}

    async def note(self, webhook_id: str, stream: str, progress: WebhookProgress) -> None:
        """Store how far a webhook is."""
        subject = webhook_progress_subject(webhook_id, stream)
        await self._writer.write(Write(subject, encode(progress), ttl=_PROGRESS_SECONDS, replaces=True))


def _webhook(stored: StreamMessage) -> WebhookRecord | None:
    try:
        return WEBHOOK.read(stored.data)
    except ContractError:
        return None
