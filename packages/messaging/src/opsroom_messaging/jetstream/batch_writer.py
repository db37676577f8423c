"""Atomic, batched writes to one stream, with optimistic concurrency.

Writes that arrive together are stored in one atomic batch, which costs the broker little more than a single
message. So the throughput grows with the load, and a single write does not wait for others.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from time import monotonic

from opsroom_contracts.subjects import stream_of
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import (
    ConflictError,
    NoRoomError,
    OverloadedError,
    RejectedError,
    UnavailableError,
)
from opsroom_messaging.jetstream.writes import StoreStatistics, Write, WritePublisher, subject_prefix
from opsroom_runtime.spans import SpanKind

_BATCH_MESSAGES = 500
"""Half of the broker's limit: larger batches only add latency."""
_PIPELINE_ENTRIES = 8
"""Up to this many entries, concurrent single writes are faster than a batch, which costs about 3 ms."""


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
        self._publisher = WritePublisher(broker)
        self._max_pending = max_pending
        self._pending: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._stats = StoreStatistics(broker.metrics, lambda: len(self._pending))

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
        prefix = subject_prefix(writes[0].subject)
        started_at = monotonic()
        with tracer.span(f"store {prefix}", SpanKind.PRODUCER):
            if tracer.enabled:
                headers = tracer.headers()
                writes = tuple(replace(write, trace=headers) for write in writes)
            entry = _Entry(writes, asyncio.get_running_loop().create_future())
            self._pending.append(entry)
            self._wake.set()
            sequences = await entry.stored
        self._stats.latency.observe(monotonic() - started_at, prefix)
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
        self._stats.batch_sizes.observe(len(batch))
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
            sequences = await self._publisher.store_together(writes)
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
                _succeed(entry, (await self._publisher.store(entry.writes[0]),))
            else:
                _succeed(entry, await self._publisher.store_together(entry.writes))
        except (ConflictError, UnavailableError, RejectedError) as error:
            _fail(entry, error)


def _succeed(entry: _Entry, sequences: tuple[int, ...]) -> None:
    if not entry.stored.done():
        entry.stored.set_result(sequences)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.stored.done():
        entry.stored.set_exception(error)
