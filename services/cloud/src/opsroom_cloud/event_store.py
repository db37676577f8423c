"""Event store of instances and operations, with optimistic locking."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_cloud.domain.operation_status import SequencedEvent, record_of
from opsroom_cloud.instance_projection import (
    InstanceProjection,
    NewerReleaseError,
    TrackedInstance,
    read_event,
)
from opsroom_contracts.cloud.models import (
    OPERATION_RECORD,
    DueOperation,
    InstanceEvent,
    OperationRecord,
    apply,
    pending_of,
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
)
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Schedule, Write

_DUE_TTL_SECONDS = 86_400
"""How long a due message waits for a worker; afterwards the reconciler finds the operation."""
_RECORD_AFTER_EVENT = 2
"""Offset of the operation's record after the event, in the batch that accepts a command."""
_PAGE = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperationRecordAt:
    """An operation's record, and the sequence of the event that accepted it."""

    record: OperationRecord
    accepted_seq: int


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
            self._projection.apply_event(event, last.seq, last.at)
            # Not the projection's state: it may still be that of an older stream.
            return TrackedInstance(apply(event), last.seq, last.at)
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

    async def accept(self, received: InstanceEvent, *, expected: int) -> int:
        """Atomically store the event that accepts a command, its timer and its record.

        Returns:
            The event's sequence.

        Raises:
            ConflictError: the instance's last sequence is not ``expected``, or the operation id is used.
        """
        instance_id, operation_id = received.instance_id, received.operation_id
        pending = pending_of(received)
        due = DueOperation(instance_id=instance_id, operation_id=operation_id)
        timer = Schedule(at=pending.due_at, target=instance_due(instance_id), ttl=_DUE_TTL_SECONDS)
        sequences = await self._writer.write(
            Write(instance_events(instance_id), encode(received.stored()), expected=expected),
            Write(instance_timer(instance_id), encode(due), schedule=timer),
            Write(
                operation_record(operation_id),
                encode(record_of(instance_id, pending)),
                expected=0,
                ttl=self._record_ttl,
            ),
        )
        self._projection.apply_event(received, sequences[0], self._clock())
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
        return OperationRecordAt(record, message.seq - _RECORD_AFTER_EVENT)

    async def history(self, instance_id: str, start: int) -> list[SequencedEvent]:
        """Read one page of an instance's events, from sequence ``start``."""
        page = await self._reader.page(instance_events(instance_id), start=start, count=_PAGE)
        events = ((message.seq, read_event(message)) for message in page)
        return [SequencedEvent(seq, event) for seq, event in events if event is not None]

    async def _last_event(self, subject: str) -> tuple[InstanceEvent, StreamMessage] | None:
        found: tuple[InstanceEvent, StreamMessage] | None = None
        start = 1
        while page := await self._reader.page(subject, start=start, count=_PAGE):
            for message in page:
                event = read_event(message)
                found = found if event is None else (event, message)
            start = page[-1].seq + 1
        return found
