"""Guarded, atomic, grouped writes to one stream.

What arrives together is stored together: one atomic batch costs the broker little more than one
message, so the rate grows with the load while a lone write pays no waiting.
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

from opsroom_contracts.model import rfc3339
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.metrics import SIZES, single
from opsroom_messaging.runtime.tracing import SpanRole

_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_PASSING = frozenset({10047, 10176, 10210, 10211})
"""Refusals of the moment: no room left, a batch whose beginning this leader never saw, too many batches."""
_GROUP_MESSAGES = 500
"""Half of what the broker takes in one batch: larger groups no longer raise the rate, only the wait."""
_PIPELINE_ENTRIES = 8
"""Up to here, single messages sent side by side beat a batch, whose fixed cost is about 3 ms."""

log = logging.getLogger(__name__)


class ConflictError(Exception):
    """A guard did not hold: somebody wrote to the subject meanwhile. Nothing was stored."""


class OverloadedError(Exception):
    """The queue of writes is full. Nothing was stored."""


class RefusedError(Exception):
    """The broker refused the write for a reason that a retry will not change."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Deliver the message on ``target`` (same stream) at ``at``; what is delivered lives ``ttl`` seconds."""

    at: datetime
    target: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Write:
    """One message to store.

    ``expected``: the sequence that must be the subject's last (0: the subject must be empty).
    ``ttl``: seconds after which the message vanishes.
    """

    subject: str
    payload: bytes
    expected: int | None = None
    ttl: int | None = None
    schedule: Schedule | None = None
    trace: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """The NATS headers that carry the guard, the time to live, the schedule and the trace."""
        headers = dict(self.trace)
        if self.expected is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(self.expected)
        if self.ttl is not None:
            headers[Header.MSG_TTL] = f"{self.ttl}s"
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
    """Stores entries of one or more writes, each entry all or nothing, in the order of asking.

    One group is under way at a time; what arrives meanwhile makes the next. When a group is refused
    because one entry's guard failed, its entries are stored one by one, so each fails for itself only.
    """

    def __init__(self, broker: NatsConnection, *, max_pending: int = 20_000) -> None:
        self._broker = broker
        self._max_pending = max_pending
        self._pending: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._stored = broker.metrics.histogram(
            "store_seconds", "Time until the broker had a write on disk.", ("subject",)
        )
        self._groups = broker.metrics.histogram(
            "store_group_entries", "Entries stored in one go.", bounds=SIZES
        )
        broker.metrics.gauge(
            "store_waiting", "Entries that wait to be stored.", single(lambda: len(self._pending))
        )

    async def write(self, *writes: Write) -> tuple[int, ...]:
        """Store ``writes`` atomically; answers the sequence of each.

        Raises:
            ConflictError: a guard did not hold.
            OverloadedError: too many entries wait already.
            UnavailableError: no answer in time; it may be stored or not.
            RefusedError: the broker will never take it.
        """
        if len(self._pending) >= self._max_pending:
            raise OverloadedError(f"{self._max_pending} writes wait already")
        traces = self._broker.traces
        kind = _kind(writes[0].subject)
        began = monotonic()
        with traces.span(f"store {kind}", SpanRole.STORE):
            if traces.on:
                headers = traces.headers()
                writes = tuple(replace(write, trace=headers) for write in writes)
            entry = _Entry(writes, asyncio.get_running_loop().create_future())
            self._pending.append(entry)
            self._wake.set()
            sequences = await entry.stored
        self._stored.observe(monotonic() - began, kind)
        return sequences

    async def run(self) -> None:
        """Store what is asked for until cancelled; then what still waits fails as unavailable."""
        try:
            while True:
                await self._wake.wait()
                while self._pending:
                    await self._store(self._take_group())
                self._wake.clear()
        finally:
            for entry in self._pending:
                _fail(entry, UnavailableError("stopping"))
            self._pending.clear()

    def _take_group(self) -> list[_Entry]:
        group: list[_Entry] = []
        subjects: set[str] = set()
        messages = 0
        while self._pending:
            entry = self._pending[0]
            messages += len(entry.writes)
            # Two guarded writes on one subject can't share a batch: the second's guard is not known yet.
            if group and (messages > _GROUP_MESSAGES or any(w.subject in subjects for w in entry.writes)):
                break
            subjects.update(write.subject for write in entry.writes)
            self._pending.popleft()
            if not entry.stored.cancelled():
                group.append(entry)
        return group

    async def _store(self, group: list[_Entry]) -> None:
        self._groups.observe(len(group))
        try:
            if len(group) > _PIPELINE_ENTRIES or (len(group) > 1 and any(len(e.writes) > 1 for e in group)):
                await self._store_together(group)
            elif len(group) == 1:
                await self._store_alone(group[0])
            else:
                await asyncio.gather(*(self._store_alone(entry) for entry in group))
        except BaseException:  # cancelled half-way: no one may be left waiting for an answer
            for entry in group:
                _fail(entry, UnavailableError("stopping"))
            raise

    async def _store_together(self, group: list[_Entry]) -> None:
        writes = [write for entry in group for write in entry.writes]
        try:
            sequences = await self._batch(writes)
        except ConflictError:
            await asyncio.gather(*(self._store_alone(entry) for entry in group))
        except (UnavailableError, RefusedError) as error:
            for entry in group:
                _fail(entry, error)
        else:
            start = 0
            for entry in group:
                end = start + len(entry.writes)
                _succeed(entry, sequences[start:end])
                start = end

    async def _store_alone(self, entry: _Entry) -> None:
        try:
            if len(entry.writes) == 1:
                write = entry.writes[0]
                ack = await self._request(write.subject, write.payload, write.headers())
                _succeed(entry, (int(ack["seq"]),))
            else:
                _succeed(entry, await self._batch(entry.writes))
        except (ConflictError, UnavailableError, RefusedError) as error:
            _fail(entry, error)

    async def _batch(self, writes: Sequence[Write]) -> tuple[int, ...]:
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
            raise UnavailableError(f"writing {subject}: {error}") from error
        ack = json.loads(reply.data)
        refusal = ack.get("error")
        if refusal is None:
            return dict(ack)
        if refusal.get("err_code") in _WRONG_LAST_SEQUENCE:
            raise ConflictError(subject)
        description = f"{subject}: {refusal.get('description')} ({refusal.get('err_code')})"
        if refusal.get("code") == 503 or refusal.get("err_code") in _PASSING:
            raise UnavailableError(description)
        log.error("the broker refused a write on %s", description)
        raise RefusedError(description)


def _kind(subject: str) -> str:
    """The first two tokens: what sort of thing is stored, not which."""
    return ".".join(subject.split(".", 2)[:2])


def _succeed(entry: _Entry, sequences: tuple[int, ...]) -> None:
    if not entry.stored.done():
        entry.stored.set_result(sequences)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.stored.done():
        entry.stored.set_exception(error)
