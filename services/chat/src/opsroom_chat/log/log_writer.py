"""Guarded writes to the message log: each message is stored once, also by several processes.

A write requires that its shard still ends where the index ends. Then everything that was stored before is in
the index, and the message is not. If another process was faster, the broker rejects the write, and the rest
of the shard is read.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from time import monotonic

from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.shard_reader import ShardReader
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
_SINGLES = 8
"""Up to this many entries, concurrent single writes are faster than a batch, which costs about 3 ms."""
_RETRIED_SINGLES = 64
"""Entries whose batch failed are written one by one, so that some succeed while another process writes."""
_ATTEMPTS = 30


class IndexLostError(UnavailableError):
    """The index lost its content after the caller had looked for the message. Nothing was stored."""


class StoredError(Exception):
    """The message has another last event than expected.

    Attributes:
        seq: its sequence; None: the message is not stored.
    """

    def __init__(self, seq: int | None) -> None:
        super().__init__(seq)
        self.seq = seq


@dataclass(frozen=True, slots=True)
class Append:
    """One event of a message to store.

    Attributes:
        subject: the message's shard.
        key: its key in the index.
        generation: that of the index when its caller began to look for the message.
        expected: the sequence of its last event as the index has it; None: there must be none.
    """

    subject: str
    key: bytes
    payload: bytes
    generation: int
    expected: int | None = None


@dataclass(slots=True)
class _Entry:
    append: Append
    others: tuple[Write, ...]
    trace: dict[str, str]
    stored: asyncio.Future[tuple[int, ...]]
    attempts: int = field(default=0)


class LogWriter:
    """Stores events of messages, together with other writes if these belong to them.

    One group is in flight at a time; entries that arrive meanwhile form the next.
    """

    def __init__(
        self, broker: NatsConnection, index: MessageIndex, shards: ShardReader, *, max_pending: int = 20_000
    ) -> None:
        self._broker = broker
        self._publisher = WritePublisher(broker)
        self._index = index
        self._shards = shards
        self._max_pending = max_pending
        self._pending: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._stats = StoreStatistics(broker.metrics, lambda: len(self._pending))
        self._conflicts = broker.metrics.counter(
            "store_conflicts", "Writes that were repeated because another process had written before."
        )
        self._conflicts.add(amount=0)

    async def append(self, append: Append, *others: Write) -> tuple[int, ...]:
        """Store the event and ``others`` atomically and return the sequence of each.

        Raises:
            StoredError: ``append.expected`` is not the message's last event.
            IndexLostError: look for the message again.
            OverloadedError: the queue is full.
            UnavailableError: no reply in time; it may be stored or not.
            NoRoomError: the broker has no room, so nothing is written.
            RejectedError: the broker rejected it, and a retry won't help.
        """
        if len(self._pending) >= self._max_pending:
            raise OverloadedError(f"{self._max_pending} writes are queued")
        if stream_of(append.subject) in self._broker.full_streams:
            raise NoRoomError(f"writing {append.subject}: the broker has no room")
        tracer, prefix = self._broker.tracer, subject_prefix(append.subject)
        started_at = monotonic()
        with tracer.span(f"store {prefix}", SpanKind.PRODUCER):
            await self._shards.prepare((append.subject,))
            trace = tracer.headers() if tracer.enabled else {}
            entry = _Entry(append, others, trace, asyncio.get_running_loop().create_future())
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
                    group = self._next_group()
                    if group:
                        await self._store(group)
                self._wake.clear()
        finally:
            _fail(self._pending, UnavailableError("stopping"))
            self._pending.clear()

    def _next_group(self) -> list[_Entry]:
        """Take the entries to write next."""
        group: list[_Entry] = []
        keys: set[bytes] = set()
        is_retry = self._pending[0].attempts > 0
        messages, limit = 0, _RETRIED_SINGLES if is_retry else _BATCH_MESSAGES
        while self._pending:
            entry = self._pending[0]
            messages += 1 + len(entry.others)
            # What the second event of a message expects is known only when the first is stored.
            if group and (messages > limit or entry.append.key in keys or is_retry != (entry.attempts > 0)):
                break
            self._pending.popleft()
            if entry.stored.done():
                continue  # its caller has gone
            keys.add(entry.append.key)
            group.append(entry)
        return group

    async def _store(self, group: list[_Entry]) -> None:
        self._stats.batch_sizes.observe(len(group))
        try:
            await self._shards.prepare({entry.append.subject for entry in group})
            is_retry = group[0].attempts > 0
            is_small = len(group) <= _SINGLES and not any(entry.others for entry in group)
            if len(group) == 1 or not (is_retry or is_small):
                rejected = await self._store_together(group)
            else:
                rejected = await self._store_singly(group)
            if rejected:
                await self._retry(rejected)
        except UnavailableError as error:
            _fail(group, error)
        except BaseException:  # cancelled: callers must not wait forever
            _fail(group, UnavailableError("stopping"))
            raise

    async def _store_singly(self, group: list[_Entry]) -> list[_Entry]:
        """Store entries at the same time, but only one of each shard; return those to try again."""
        first: dict[str, _Entry] = {}
        later: list[_Entry] = []
        for entry in group:
            if first.setdefault(entry.append.subject, entry) is not entry:
                later.append(entry)
        self._pending.extendleft(reversed(later))
        rejected = await asyncio.gather(*(self._store_together([entry]) for entry in first.values()))
        return [entry for entries in rejected for entry in entries]

    async def _store_together(self, entries: list[_Entry]) -> list[_Entry]:
        """Store entries atomically; return them all if another process was faster on one of their shards."""
        entries = self._expected(entries)
        if not entries:
            return []
        # Nothing may be awaited since the index was asked: the guards stand for what it has answered.
        writes, generation = self._guarded(entries), self._index.generation
        try:
            if len(writes) == 1:
                sequences: tuple[int, ...] = (await self._publisher.store(writes[0]),)
            else:
                sequences = await self._publisher.store_together(writes)
        except ConflictError:
            return entries
        except (UnavailableError, RejectedError) as error:
            _fail(entries, error)
            return []
        start = 0
        for entry in entries:
            end = start + 1 + len(entry.others)
            self._index.add(((entry.append.key, sequences[start]),))
            self._index.extend(entry.append.subject, sequences[start], generation)
            if not entry.stored.done():
                entry.stored.set_result(sequences[start:end])
            start = end
        return []

    def _expected(self, entries: Iterable[_Entry]) -> list[_Entry]:
        """Return the entries that the index confirms; the others fail."""
        confirmed: list[_Entry] = []
        for entry in entries:
            known = self._index.find(entry.append.key)
            if entry.append.generation != self._index.generation:
                _fail([entry], IndexLostError("the message index is being built; try again"))
            elif known == entry.append.expected:
                confirmed.append(entry)
            else:
                _fail([entry], StoredError(known))
        return confirmed

    def _guarded(self, entries: Iterable[_Entry]) -> list[Write]:
        """Return the writes of ``entries``. The first on each shard is guarded, and with it the others."""
        writes: list[Write] = []
        guarded: set[str] = set()
        for entry in entries:
            append = entry.append
            expected = None if append.subject in guarded else self._index.end(append.subject)
            guarded.add(append.subject)
            writes.append(Write(append.subject, append.payload, expected=expected, trace=entry.trace))
            writes.extend(replace(write, trace=entry.trace) for write in entry.others)
        return writes

    async def _retry(self, rejected: list[_Entry]) -> None:
        """Bring the index up to date, and queue the entries again before all others."""
        self._conflicts.add(amount=len(rejected))
        for entry in rejected:
            entry.attempts += 1
        worn = [entry for entry in rejected if entry.attempts >= _ATTEMPTS]
        _fail(worn, UnavailableError("other processes were faster each time; try again"))
        again = any(entry.attempts > 1 for entry in rejected)
        await self._shards.catch_up({entry.append.subject for entry in rejected}, again=again)
        self._pending.extendleft(reversed(rejected))


def _fail(entries: Iterable[_Entry], error: Exception) -> None:
    for entry in entries:
        if not entry.stored.done():
            entry.stored.set_exception(error)
