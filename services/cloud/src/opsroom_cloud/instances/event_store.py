"""Event store of instances and operations, with optimistic locking."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_cloud.domain.operation_status import SequencedEvent, begun_by, record_of_event
from opsroom_cloud.domain.orders import AcceptCommand
from opsroom_cloud.instances.projection import (
    InstanceProjection,
    NewerReleaseError,
    TrackedInstance,
    read_event,
    track,
)
from opsroom_contracts.cloud.models import (
    OPERATION_RECORD,
    SERVER_NAME_CLAIM,
    DueOperation,
    InstanceEvent,
    OperationRecord,
    ServerNameClaim,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import (
    CLOUD_EVENTS,
    instance_due,
    instance_events,
    instance_timer,
    operation_record,
    server_name_subject,
)
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Schedule, Write

_DUE_TTL_SECONDS = 86_400
"""How long a due message waits for a worker; afterwards the reconciler finds the operation."""
_CLAIM_TTL_SECONDS = 3600
"""How long a claim on a name lasts; by then, all processes know the name from the events."""
_PAGE = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperationRecordAt:
    """An operation's record, and the sequence of the event that accepted it."""

    record: OperationRecord
    accepted_seq: int


@dataclass(frozen=True, slots=True)
class NameClaimAt:
    """The claim on a name: the instance that holds it, and the claim's sequence."""

    holder: str | None
    seq: int


@dataclass(frozen=True, slots=True)
class Guards:
    """The expected last sequences: of the instance, and of the claim on its name; 0: there is none."""

    instance: int
    claim: int = 0


class EventStore:
    """Reads and appends instance events, and keeps the projection up to date.

    Methods that read or write raise UnavailableError if the broker does not respond; a write may then have
    been stored or not. Reads also raise it if a newer release wrote the payload, because a decision without
    it could undo that release's change.
    """

    def __init__(
        self,
        projection: InstanceProjection,
        reader: StreamReader,
        writer: BatchWriter,
        *,
        clock: Callable[[], datetime],
        operations_retention: timedelta,
    ) -> None:
        self._projection = projection
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._record_ttl = int(operations_retention.total_seconds())

    def known(self, instance_id: str) -> TrackedInstance:
        """Return an instance from the projection; it may lag behind other processes' writes."""
        return self._projection.get(instance_id)

    def instance_with(self, operation_id: str) -> str | None:
        """Return the id of the instance on which the operation is pending, from the projection."""
        return self._projection.instance_with(operation_id)

    async def refresh(self, instance_id: str) -> TrackedInstance:
        """Read the current state of an instance from the stream."""
        subject = instance_events(instance_id)
        last = await self._reader.last(subject)
        if last is None:
            return TrackedInstance()
        event = read_event(last)
        if event is not None:
            former = self._projection.get(instance_id)
            self._projection.apply_event(event, last.seq, last.at)
            # Not the projection's state: it may still be that of an older stream.
            return track(event, last.seq, last.at, former)
        before = await self._last_event(subject)
        if before is None:
            return self._projection.mark_skipped(instance_id, last.seq)
        return self._projection.apply_event(before[0], last.seq, before[1].at)

    async def last_event(self, instance_id: str) -> InstanceEvent | None:
        """Read the last valid event of an instance, ignoring malformed messages after it."""
        found = await self._last_event(instance_events(instance_id))
        return None if found is None else found[0]

    async def last_seq(self) -> int:
        """Return the sequence of the last event of any instance; 0 if there is none."""
        last = await self._reader.last(CLOUD_EVENTS)
        return 0 if last is None else last.seq

    async def accept(self, event: InstanceEvent, order: AcceptCommand, *, guards: Guards) -> int:
        """Atomically store the event that accepts ``order``, its record, its timer and the claim on a name.

        Returns:
            The event's sequence.

        Raises:
            ConflictError: a sequence is not as expected, or the operation id is used.
        """
        instance_id, operation_id = order.instance_id, order.operation_id
        writes = [Write(instance_events(instance_id), encode(event.stored()), expected=guards.instance)]
        writes += _timers(event)
        record = record_of_event(event, order.target)
        writes.append(
            Write(operation_record(operation_id), encode(record.stored()), expected=0, ttl=self._record_ttl)
        )
        if order.name is not None:
            claim = encode(ServerNameClaim(instance_id=instance_id))
            subject = server_name_subject(order.name)
            writes.append(Write(subject, claim, expected=guards.claim, ttl=_CLAIM_TTL_SECONDS))
        sequences = await self._writer.write(*writes)
        self._projection.apply_event(event, sequences[0], self._clock())
        return sequences[0]

    async def append(self, event: InstanceEvent, *, expected: int) -> int:
        """Store one event and return its sequence.

        Raises:
            ConflictError: the instance's last sequence is not ``expected``.
        """
        (seq,) = await self._writer.write(
            Write(instance_events(event.instance_id), encode(event.stored()), expected=expected)
        )
        self._projection.apply_event(event, seq, self._clock())
        return seq

    async def append_all(self, events: Sequence[InstanceEvent], *, expected: int) -> int:
        """Store events of one instance atomically, with the timer that one of them needs.

        Returns:
            The sequence of the last event.

        Raises:
            ConflictError: the instance's last sequence is not ``expected``.
        """
        subject = instance_events(events[0].instance_id)
        writes = [
            Write(subject, encode(event.stored()), expected=None if place else expected)
            for place, event in enumerate(events)
        ]
        writes += [timer for event in events for timer in _timers(event)]
        sequences = await self._writer.write(*writes)
        for event, seq in zip(events, sequences, strict=False):
            self._projection.apply_event(event, seq, self._clock())
        return sequences[len(events) - 1]

    async def recorded(self, operation_id: str) -> OperationRecordAt | None:
        """Read an operation's record; None if its id has not been used.

        Raises:
            FaultError: ``idempotency_mismatch``: the record on the subject is malformed.
        """
        message = await self._reader.last(operation_record(operation_id))
        if message is None:
            return None
        try:
            record = OPERATION_RECORD.read(message.data)
        except NewerVersionError as error:
            raise NewerReleaseError(f"{message.subject}: {error}") from error
        except ContractError as error:
            log.warning("malformed operation record on %s: %s", message.subject, error)
            raise refuse(
                ErrorCode.IDEMPOTENCY_MISMATCH, "this id was used for something that is not an operation"
            ) from None
        return OperationRecordAt(record, message.seq - record.event_offset)

    async def claim(self, name: str) -> NameClaimAt | None:
        """Read the claim on a name of an instance; None if there is none. A malformed one has no holder."""
        message = await self._reader.last(server_name_subject(name))
        if message is None:
            return None
        try:
            return NameClaimAt(SERVER_NAME_CLAIM.read(message.data).instance_id, message.seq)
        except NewerVersionError as error:
            raise NewerReleaseError(f"{message.subject}: {error}") from error
        except ContractError as error:
            log.warning("malformed claim on %s: %s", message.subject, error)
            return NameClaimAt(None, message.seq)

    async def stored_at(self, seq: int) -> datetime | None:
        """Return when the broker stored the message at ``seq``; None if it is no longer there."""
        message = await self._reader.at(seq)
        return None if message is None else message.at

    async def history(self, instance_id: str, start: int) -> AsyncGenerator[SequencedEvent, None]:
        """Iterate over an instance's events, from sequence ``start``."""
        while True:
            page = await self._reader.page(instance_events(instance_id), start=start, count=_PAGE)
            for message in page:
                event = read_event(message)
                if event is not None:
                    yield SequencedEvent(message.seq, event)
            if len(page) < _PAGE:
                return
            start = page[-1].seq + 1

    async def _last_event(self, subject: str) -> tuple[InstanceEvent, StreamMessage] | None:
        found: tuple[InstanceEvent, StreamMessage] | None = None
        start = 1
        while page := await self._reader.page(subject, start=start, count=_PAGE):
            for message in page:
                event = read_event(message)
                found = found if event is None else (event, message)
            start = page[-1].seq + 1
        return found


def _timers(event: InstanceEvent) -> list[Write]:
    """Return the timer of the operation that begins with ``event``; it replaces an earlier one."""
    begun = begun_by(event)
    if begun is None:
        return []
    instance_id = event.instance_id
    due = DueOperation(instance_id=instance_id, operation_id=begun.id)
    timer = Schedule(at=begun.due_at, target=instance_due(instance_id), ttl=_DUE_TTL_SECONDS)
    return [Write(instance_timer(instance_id), encode(due), schedule=timer)]
