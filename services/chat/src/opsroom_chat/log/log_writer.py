"""Guarded writes to the message log: each message is stored once, also by several processes.

A write requires that its shard still ends where the index ends. Then everything that was stored before is in
the index, and the message is not. If another process was faster, the broker rejects the write, and the rest
of the shard is read.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic

from opsroom_chat.log.append import (
    ENTRY_MAX,
    Append,
    Condition,
    Entry,
    IndexLostError,
    Outcome,
    StoredError,
    fail_all,
    places,
)
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
from opsroom_runtime.metrics import Counter, Metrics
from opsroom_runtime.spans import SpanKind

_BATCH_MESSAGES = 500
"""Half of the broker's limit: larger batches only add latency."""
_SINGLES = 8
"""Up to this many messages, concurrent single writes are faster than a batch, which costs about 3 ms."""
_ROUNDS = 4
"""Up to this many messages of one entry, single writes one after another are faster than a batch, too."""
_RETRIED_SINGLES = 64
"""Entries whose batch failed are written one by one, so that some succeed while another process writes."""
_ATTEMPTS = 30


def store_conflicts(metrics: Metrics) -> Counter:
    """Return the counter of failed guarded writes, which members' records share."""
    counter = metrics.counter(
        "store_conflicts", "Writes that were repeated because another process had written before."
    )
    counter.add(amount=0)
    return counter


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
        self._pending: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._stats = StoreStatistics(broker.metrics, lambda: len(self._pending))
        self._conflicts = store_conflicts(broker.metrics)

    async def append(self, append: Append) -> tuple[int, ...]:
        """Store the event and its other writes atomically and return the sequence of each.

        Raises:
            StoredError: ``append.expected`` is not the message's last event.
            IndexLostError: look for the message again.
            OverloadedError: the queue is full.
            UnavailableError: no reply in time; it may be stored or not.
            NoRoomError: the broker has no room, so nothing is written.
            RejectedError: the broker rejected it, and a retry won't help.
        """
        (outcome,) = await self.append_all((append,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def append_all(self, appends: Sequence[Append]) -> list[Outcome]:
        """Store events in this order, in one batch if no other process writes at the same time.

        Of each message there must be only one. Returns for each what ``append`` returns or raises. An event
        is stored only after those before it are, except those that fail with ``StoredError``.

        Raises:
            OverloadedError: the queue is full.
            UnavailableError: the broker did not reply, and nothing was written.
            NoRoomError: the broker has no room, so nothing is written.
        """
        subjects = {append.subject for append in appends}
        if len(self._pending) >= self._max_pending:
            raise OverloadedError(f"{self._max_pending} writes are queued")
        if stream_of(appends[0].subject) in self._broker.full_streams:
            raise NoRoomError(f"writing {appends[0].subject}: the broker has no room")
        tracer, prefix = self._broker.tracer, subject_prefix(appends[0].subject)
        started_at = monotonic()
        with tracer.span(f"store {prefix}", SpanKind.PRODUCER):
            await self._shards.prepare(subjects)
            trace = tracer.headers() if tracer.enabled else {}
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            entry = Entry(tuple(appends), trace, done, width=len(appends))
            self._pending.append(entry)
            self._wake.set()
            await done
        self._stats.latency.observe(monotonic() - started_at, prefix)
        return entry.resolved()

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
            fail_all(self._pending, UnavailableError("stopping"))
            self._pending.clear()

    def _next_group(self) -> list[Entry]:
        """Take the entries to write next."""
        group: list[Entry] = []
        keys: set[bytes] = set()
        is_retry = self._pending[0].attempts > 0
        messages, limit = 0, _RETRIED_SINGLES if is_retry else _BATCH_MESSAGES
        while self._pending:
            entry = self._pending[0]
            events = [entry.appends[place] for place in entry.next()]
            messages += sum(1 + len(event.others) for event in events)
            # What the second event of a message expects is known only when the first is stored.
            of_events = frozenset(key for event in events for key in event.keys)
            again = not keys.isdisjoint(of_events)
            if group and (messages > limit or again or is_retry != (entry.attempts > 0)):
                break
            self._pending.popleft()
            if entry.done.done():
                continue  # its caller has gone
            keys |= of_events
            group.append(entry)
        return group

    async def _store(self, group: list[Entry]) -> None:
        try:
            await self._shards.prepare({subject for entry in group for subject in entry.subjects()})
            if _is_small(group):
                rejected = await self._store_singly(group, limit=1)
            elif group[0].attempts > 0:
                rejected = await self._store_singly(group, limit=ENTRY_MAX)
            else:
                rejected = await self._store_together(group, limit=ENTRY_MAX)
            if rejected:
                await self._retry(rejected)
        except UnavailableError as error:
            fail_all(group, error)
        except BaseException:  # cancelled: callers must not wait forever
            fail_all(group, UnavailableError("stopping"))
            raise

    async def _store_singly(self, group: list[Entry], limit: int) -> list[Entry]:
        """Store entries at the same time, but only one of each shard; return those to try again.

        ``limit``: how many events of each entry. The others come next.
        """
        first: list[Entry] = []
        later: list[Entry] = []
        used: set[str] = set()
        for entry in group:
            subjects = entry.subjects(limit)
            (first if used.isdisjoint(subjects) else later).append(entry)
            used |= subjects
        self._pending.extendleft(reversed(later))
        rejected = await asyncio.gather(*(self._store_together([entry], limit) for entry in first))
        return [entry for entries in rejected for entry in entries]

    async def _store_together(self, entries: list[Entry], limit: int) -> list[Entry]:
        """Store entries atomically; return them all if another process was faster on one of their shards."""
        confirmed = self._confirmed(entries, limit)
        if confirmed:
            # Nothing may be awaited since the index was asked: the guards stand for what it has answered.
            writes, generation = self._guarded(confirmed), self._index.generation
            try:
                self._stats.batch_sizes.observe(len(confirmed))
                if len(writes) == 1:
                    sequences: tuple[int, ...] = (await self._publisher.store(writes[0]),)
                else:
                    sequences = await self._publisher.store_together(writes)
            except ConflictError:
                return [entry for entry in entries if not entry.done.done()]
            except (UnavailableError, RejectedError) as error:
                fail_all((entry for entry, _ in confirmed), error)
            else:
                self._resolve(confirmed, sequences, generation)
        self._pending.extendleft(reversed([entry for entry in entries if not entry.done.done()]))
        return []

    def _resolve(
        self, stored: Iterable[tuple[Entry, int]], sequences: tuple[int, ...], generation: int
    ) -> None:
        start = 0
        for entry, place in stored:
            append = entry.appends[place]
            end = start + 1 + len(append.others)
            self._index.add_event(append.subject, append.payload, sequences[start])
            self._index.extend(append.subject, sequences[start], generation)
            entry.attempts = 0
            entry.resolve(place, sequences[start:end])
            start = end

    def _confirmed(self, entries: Iterable[Entry], limit: int) -> list[tuple[Entry, int]]:
        """Return the events to write next that the index confirms; the others fail."""
        confirmed: list[tuple[Entry, int]] = []
        for entry, place in places(entries, limit):
            append = entry.appends[place]
            if append.generation != self._index.generation:
                lost = IndexLostError("the message index is being built; try again")
                entry.resolve(place, lost)
                continue
            known = self._index.find(append.key)
            if known == append.expected and self._is_true(append.conditions):
                confirmed.append((entry, place))
            else:
                entry.resolve(place, StoredError(known))
        return confirmed

    def _is_true(self, conditions: Iterable[Condition]) -> bool:
        return all(self._index.find(key) == expected for key, expected in conditions)

    def _guarded(self, confirmed: Iterable[tuple[Entry, int]]) -> list[Write]:
        """Return the writes of events. The first on each shard is guarded, and with it the others."""
        writes: list[Write] = []
        guarded: set[str] = set()
        for entry, place in confirmed:
            append = entry.appends[place]
            expected = None if append.subject in guarded else self._index.end(append.subject)
            guarded.add(append.subject)
            writes.append(Write(append.subject, append.payload, expected=expected, trace=entry.trace))
            writes.extend(replace(write, trace=entry.trace) for write in append.others)
        return writes

    async def _retry(self, rejected: list[Entry]) -> None:
        """Bring the index up to date, and queue the entries again before all others."""
        self._conflicts.add(amount=len(rejected))
        subjects = {subject for entry in rejected for subject in entry.subjects()}
        for entry in rejected:
            entry.rejected()
        worn = [entry for entry in rejected if entry.attempts >= _ATTEMPTS]
        fail_all(worn, UnavailableError("other processes were faster each time; try again"))
        again = any(entry.attempts > 1 for entry in rejected)
        await self._shards.catch_up(subjects, again=again)
        self._pending.extendleft(reversed(rejected))


def _is_small(group: Iterable[Entry]) -> bool:
    """Whether single writes store the group faster than a batch, which events with other writes need."""
    sizes = [len(entry.next()) for entry in group]
    return (
        sum(sizes) <= _SINGLES
        and max(sizes) <= _ROUNDS
        and not any(entry.appends[0].others for entry in group)
    )
