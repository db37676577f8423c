"""Atomic, batched writes to one stream, with optimistic concurrency.

Writes that arrive together are stored in one atomic batch, which costs the broker little more than a single
message. So the throughput grows with the load, and a single write does not wait for others.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.js.api import Header

from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.subjects import stream_of
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.errors import (
    ConflictError,
    NoRoomError,
    OverloadedError,
    RejectedError,
    UnavailableError,
)
from opsroom_messaging.jetstream.write_health import (
    NO_ROOM_CODES,
    ROLLUP_SUBJECT,
    WRONG_LAST_SEQUENCE_CODES,
)
from opsroom_runtime.metrics import SIZES, single
from opsroom_runtime.spans import SpanKind

_TRANSIENT = frozenset({10047, 10176, 10210, 10211})
"""Transient errors: no space left, the batch started under a previous leader, too many open batches."""
_BATCH_MESSAGES = 500
"""Half of the broker's limit: larger batches only add latency."""
_PIPELINE_ENTRIES = 8
"""Up to this many entries, concurrent single writes are faster than a batch, which costs about 3 ms."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Publish the message on ``target`` (a subject of the same stream) at ``at``, with a TTL in seconds."""

    at: datetime
    target: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Write:
    """One message to store.

    Attributes:
        expected: the expected last sequence of the subject; 0: the subject must be empty.
        ttl: seconds until the message expires.
        replaces: whether it removes all earlier messages of the subject, durably. What a stream's limit
            for each subject removes comes back if this message expires and the broker then crashes
            (decision 0049).
        trace: trace context headers.
    """

    subject: str
    payload: bytes
    expected: int | None = None
    ttl: int | None = None
    schedule: Schedule | None = None
    replaces: bool = False
    trace: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """The NATS headers for all attributes but the payload."""
        headers = dict(self.trace)
        if self.expected is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(self.expected)
        if self.ttl is not None:
            headers[Header.MSG_TTL] = f"{self.ttl}s"
        if self.replaces:
            headers[Header.ROLLUP] = ROLLUP_SUBJECT
        if self.schedule is not None:
            headers[Header.SCHEDULE] = f"@at {rfc3339(self.schedule.at)}"
            headers[Header.SCHEDULE_TARGET] = self.schedule.target
            headers[Header.SCHEDULE_TTL] = f"{self.schedule.ttl}s"
        return headers


@dataclass(slots=True)
class _Entry:
    writes: tuple[Write, ...]
    stored: asyncio.Future[tuple[int, ...]]


class BatchWriter:
    """Stores entries of one or more writes, each entry atomically, in the order of the calls.

    One batch is in flight at a time; entries that arrive meanwhile form the next. If a batch fails because
    one entry conflicts, its entries are written one by one, so that only that entry fails.
    """

    def __init__(self, broker: NatsConnection, *, max_pending: int = 20_000) -> None:
        self._broker = broker
        self._max_pending = max_pending
        self._pending: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._latency = broker.metrics.histogram(
            "store_seconds", "Time until the broker stored a write.", ("subject",)
        )
        self._batch_sizes = broker.metrics.histogram(
            "store_group_entries", "Entries stored in one batch.", bounds=SIZES
        )
        broker.metrics.gauge(
            "store_waiting", "Entries that are queued to be stored.", single(lambda: len(self._pending))
        )

    async def write(self, *writes: Write) -> tuple[int, ...]:
        """Store ``writes`` atomically and return the sequence of each.

        Raises:
            ConflictError: an expected sequence did not match.
            OverloadedError: the queue is full.
            UnavailableError: no reply in time; the writes may be stored or not.
            NoRoomError: the broker has no room, so nothing is written.
            RejectedError: the broker rejected them, and a retry won't help.
        """
        if len(self._pending) >= self._max_pending:
            raise OverloadedError(f"{self._max_pending} writes are queued")
        if stream_of(writes[0].subject) in self._broker.full_streams:
            raise NoRoomError(f"writing {writes[0].subject}: the broker has no room")
        tracer = self._broker.tracer
        prefix = _subject_prefix(writes[0].subject)
        started_at = monotonic()
        with tracer.span(f"store {prefix}", SpanKind.PRODUCER):
            if tracer.enabled:
                headers = tracer.headers()
                writes = tuple(replace(write, trace=headers) for write in writes)
            entry = _Entry(writes, asyncio.get_running_loop().create_future())
            self._pending.append(entry)
            self._wake.set()
            sequences = await entry.stored
        self._latency.observe(monotonic() - started_at, prefix)
        return sequences

    async def run(self) -> None:
        """Store queued entries until cancelled; the remaining ones then fail with ``UnavailableError``."""
        try:
            while True:
                await self._wake.wait()
                while self._pending:
                    await self._store(self._next_batch())
                self._wake.clear()
        finally:
            for entry in self._pending:
                _fail(entry, UnavailableError("stopping"))
            self._pending.clear()

    def _next_batch(self) -> list[_Entry]:
        batch: list[_Entry] = []
        subjects: set[str] = set()
        messages = 0
        while self._pending:
            entry = self._pending[0]
            messages += len(entry.writes)
            # A batch has one write per subject: the expected sequence of a second one is not known yet.
            if batch and (messages > _BATCH_MESSAGES or any(w.subject in subjects for w in entry.writes)):
                break
            subjects.update(write.subject for write in entry.writes)
            self._pending.popleft()
            if not entry.stored.cancelled():
                batch.append(entry)
        return batch

    async def _store(self, batch: list[_Entry]) -> None:
        self._batch_sizes.observe(len(batch))
        try:
            if len(batch) > _PIPELINE_ENTRIES or (len(batch) > 1 and any(len(e.writes) > 1 for e in batch)):
                await self._store_as_batch(batch)
            elif len(batch) == 1:
                await self._store_single(batch[0])
            else:
                await asyncio.gather(*(self._store_single(entry) for entry in batch))
        except BaseException:  # cancelled: callers must not wait forever
            for entry in batch:
                _fail(entry, UnavailableError("stopping"))
            raise

    async def _store_as_batch(self, batch: list[_Entry]) -> None:
        writes = [write for entry in batch for write in entry.writes]
        try:
            sequences = await self._write_batch(writes)
        except ConflictError:
            await asyncio.gather(*(self._store_single(entry) for entry in batch))
        except (UnavailableError, RejectedError) as error:
            for entry in batch:
                _fail(entry, error)
        else:
            start = 0
            for entry in batch:
                end = start + len(entry.writes)
                _succeed(entry, sequences[start:end])
                start = end

    async def _store_single(self, entry: _Entry) -> None:
        try:
            if len(entry.writes) == 1:
                write = entry.writes[0]
                ack = await self._request(write.subject, write.payload, write.headers())
                _succeed(entry, (int(ack["seq"]),))
            else:
                _succeed(entry, await self._write_batch(entry.writes))
        except (ConflictError, UnavailableError, RejectedError) as error:
            _fail(entry, error)

    async def _write_batch(self, writes: Sequence[Write]) -> tuple[int, ...]:
        batch_id = uuid4().hex
        last = len(writes)
        try:
            for number, write in enumerate(writes[:-1], start=1):
                headers = {
                    Header.BATCH_ID.value: batch_id,
                    Header.BATCH_SEQUENCE.value: str(number),
                    **write.headers(),
                }
                await self._broker.client.publish(write.subject, write.payload, headers=headers)
        except NatsError as error:
            raise UnavailableError(f"writing a batch: {error}") from error
        headers = {
            Header.BATCH_ID.value: batch_id,
            Header.BATCH_SEQUENCE.value: str(last),
            Header.BATCH_COMMIT.value: "1",
            **writes[-1].headers(),
        }
        ack = await self._request(writes[-1].subject, writes[-1].payload, headers)
        final = int(ack["seq"])
        return tuple(range(final - last + 1, final + 1))

    async def _request(self, subject: str, payload: bytes, headers: dict[str, str]) -> dict[str, int]:
        try:
            reply = await self._broker.client.request(
                subject, payload, timeout=REQUEST_TIMEOUT_SECONDS, headers=headers
            )
        except (NatsError, TimeoutError) as error:
            self._broker.notify_write_failed(subject)
            raise UnavailableError(f"writing {subject}: {describe(error)}") from error
        ack = json.loads(reply.data)
        failure = ack.get("error")
        if failure is None:
            return dict(ack)
        if failure.get("err_code") in WRONG_LAST_SEQUENCE_CODES:
            raise ConflictError(subject)
        description = f"{subject}: {failure.get('description')} ({failure.get('err_code')})"
        if failure.get("code") == 503 or failure.get("err_code") in _TRANSIENT:
            self._broker.notify_write_failed(subject)
            no_room = failure.get("err_code") in NO_ROOM_CODES
            raise NoRoomError(description) if no_room else UnavailableError(description)
        log.error("the broker rejected a write on %s", description)
        raise RejectedError(description)


def _subject_prefix(subject: str) -> str:
    """The first two tokens of a subject: the type of what is stored, without its id."""
    return ".".join(subject.split(".", 2)[:2])


def _succeed(entry: _Entry, sequences: tuple[int, ...]) -> None:
    if not entry.stored.done():
        entry.stored.set_result(sequences)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.stored.done():
        entry.stored.set_exception(error)
