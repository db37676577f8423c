"""The delivery of the events of one stream to one webhook, by whichever process has the next event."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from opsroom_contracts import endpoints
from opsroom_contracts.chat.rooms import RoomAccessRequest
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.webhooks import (
    DisabledReason,
    FailingEvent,
    LostEvents,
    WebhookProgress,
    WebhookRecord,
)
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import CLOUD_STREAM, INCIDENTS_STREAM, is_created_room
from opsroom_incidents.domain import webhooks as rules
from opsroom_incidents.domain.outgoing import Outgoing, Source, Stored, event_id, outgoing
from opsroom_incidents.webhooks.delivery import Delivered, Failed, Gone, WebhookSender, consumer_name
from opsroom_incidents.webhooks.store import WebhookStore
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.serial_worker import SerialConsumer, SerialWorker, StartAt, Taken
from opsroom_messaging.jetstream.stream_reader import StreamReader

_NOTE_SECONDS: Final = 5.0
"""While events arrive, progress is noted this often. The consumer knows it exactly."""
_LEFT_SECONDS: Final = 5.0
"""An event of a webhook that is disabled, or whose place was set, is left for this long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What all lanes of a process share. ``ack_wait``: in seconds, longer than a request takes."""

    broker: NatsConnection
    store: WebhookStore
    sender: WebhookSender
    requester: RequestClient
    clock: Callable[[], datetime]
    ack_wait: float


class _ReplacedError(Exception):
    """The stream was created again, or restored."""


class Lane:
    """Takes the events of one stream for one webhook, one after another, and delivers them.

    Before each delivery the record is read again, so that a change counts at once in all processes.
    """

    def __init__(self, parts: LaneParts, webhook: WebhookRecord, source: Source) -> None:
        start = rules.start_in(webhook, source.stream)
        if start is None:
            raise AssertionError(f"webhook {webhook.id} has no place in {source.stream}")
        self._parts = parts
        self._webhook = webhook
        self._source = source
        self._start = start
        self._reader = StreamReader(parts.broker, source.stream)
        self._worker: SerialWorker | None = None
        self._epoch: str | None = None
        self._noted_at: datetime | None = None

    async def run(self) -> None:
        """Deliver until cancelled.

        Raises:
            UnavailableError: the broker did not respond.
        """
        while True:
            self._epoch = (await self._reader.bounds()).epoch
            consumer = SerialConsumer(
                stream=self._source.stream,
                durable=consumer_name(self._webhook.id, self._start.generation, self._epoch),
                subjects=self._source.subjects,
                ack_wait=self._parts.ack_wait,
            )
            self._worker = SerialWorker(self._parts.broker, consumer, start=self._begin, handle=self._handle)
            try:
                await self._worker.run()
            except _ReplacedError:
                log.info("%s is another stream than before", self._source.stream)

    def interrupt(self) -> None:
        """Note that the connection was lost."""
        if self._worker is not None:
            self._worker.interrupt()

    async def _begin(self) -> StartAt:
        """Return where a new consumer begins: after what is known to be done.

        In a stream that was created again, or restored, sequences mean other events; there, the time counts.
        """
        bounds, progress = await self._reader.bounds(), await self._progress()
        if bounds.epoch != self._epoch:
            raise _ReplacedError
        if bounds.epoch != (self._start.epoch if progress is None else progress.epoch):
            return StartAt(moment=self._webhook.created_at if progress is None else progress.at)
        first = self._start.seq if progress is None else progress.seq + 1
        # Of a record, only the last state is kept, so there is nothing to lose before the first event.
        if first < bounds.first and (progress is not None or self._source.stream != INCIDENTS_STREAM):
            await self._note_lost(progress, first, bounds.first - 1)
        return StartAt(max(first, bounds.first))

    async def _progress(self) -> WebhookProgress | None:
        """Return how far the webhook is since its place was set."""
        known = await self._parts.store.progress(self._webhook.id, self._source.stream)
        return None if known is None or known.generation != self._start.generation else known

    async def _handle(self, taken: Taken) -> float | None:
        """Deliver an event, if it is one of the webhook."""
        message = taken.message
        stored = Stored(self._source.stream, message.subject, message.seq, message.data, message.at)
        if outgoing(stored, self._webhook.filter) is None:
            return None
        found = await self._parts.store.find(self._webhook.id)
        if found is None or not self._is_current(found[0]):
            return _LEFT_SECONDS
        webhook, record_seq = found
        event = outgoing(stored, webhook.filter)
        if event is None or not await self._may_get(webhook, event):
            return None
        before = await self._with_loss(message.seq)
        match await self._parts.sender.send(webhook, event.event, taken.attempts):
            case Delivered():
                await self._note_delivered(before, stored)
                return None
            case Gone(problem):
                await self._note_failure(before, taken, problem, timedelta())
                disabled = webhook.model_copy(update={"disabled": DisabledReason.GONE})
                await self._parts.store.put(disabled, record_seq)
                log.warning("webhook %s is disabled: its receiver is gone", webhook.id)
                return _LEFT_SECONDS
            case Failed(problem, delay):
                await self._note_failure(before, taken, problem, delay)
                return delay.total_seconds()
            case unexpected:
                assert_never(unexpected)

    def _is_current(self, webhook: WebhookRecord) -> bool:
        start = rules.start_in(webhook, self._source.stream)
        is_here = start is not None and start.generation == self._start.generation
        return is_here and webhook.disabled is None and not webhook.removed

    async def _may_get(self, webhook: WebhookRecord, event: Outgoing) -> bool:
        """Whether the webhook may get an event: it is for all, and they may read its room now."""
        if event.webhook not in {None, webhook.id}:
            return False
        if event.room is None or not is_created_room(event.room):
            return True
        request = RoomAccessRequest(room=event.room, user_id=webhook.creator)
        try:
            access = await self._parts.requester.request(endpoints.ROOM_ACCESS, request)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise UnavailableError(error.fault.message) from error
            return False
        return rules.may_get(webhook, event.room, access)

    async def _with_loss(self, seq: int) -> WebhookProgress | None:
        """Return how far the webhook is, before ``seq``; note it if an event that failed is gone.

        Texts are erased, too, which is no loss. So in the chat, only what the stream no longer reaches is.
        """
        progress = await self._progress()
        if progress is None or progress.failing is None or progress.failing.seq >= seq:
            return progress
        first, last = progress.failing.seq, seq - 1
        if self._source.stream != CLOUD_STREAM:
            last = min(last, (await self._reader.bounds()).first - 1)
        if last < first or await self._reader.at(first) is not None:
            return progress
        return await self._note_lost(progress, first, last)

    async def _note_lost(self, progress: WebhookProgress | None, first: int, last: int) -> WebhookProgress:
        stream, now = self._source.stream, to_milliseconds(self._parts.clock())
        lost = LostEvents(first=event_id(stream, first), last=event_id(stream, last), at=now)
        log.warning("webhook %s has lost events from %s to %s", self._webhook.id, lost.first, lost.last)
        return await self._note(progress, seq=last, failing=None, lost=lost)

    async def _note_delivered(self, before: WebhookProgress | None, stored: Stored) -> None:
        now = to_milliseconds(self._parts.clock())
        recent = self._noted_at is not None and (now - self._noted_at).total_seconds() < _NOTE_SECONDS
        if recent and before is not None and before.failing is None:
            return
        await self._note(before, seq=stored.seq, at=stored.at, delivered_at=now, failing=None)
        self._noted_at = now

    async def _note_failure(
        self, before: WebhookProgress | None, taken: Taken, problem: str, delay: timedelta
    ) -> None:
        now, message = to_milliseconds(self._parts.clock()), taken.message
        again = before is not None and before.failing is not None and before.failing.seq == message.seq
        since = before.failing.since if again and before is not None and before.failing is not None else now
        failing = FailingEvent(
            seq=message.seq,
            attempts=taken.attempts,
            since=since,
            problem=problem,
            next_attempt_at=to_milliseconds(now + delay),
        )
        at = message.at if before is None else before.at or message.at
        await self._note(before, seq=message.seq - 1, at=at, failing=failing)

    async def _note(self, before: WebhookProgress | None, **changes: object) -> WebhookProgress:
        known = before or WebhookProgress(generation=self._start.generation, seq=0)
        progress = known.model_copy(update={"epoch": self._epoch, **changes})
        await self._parts.store.note(self._webhook.id, self._source.stream, progress)
        return progress
