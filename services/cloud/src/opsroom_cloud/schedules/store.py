"""Storage of schedules: a record and a timer each, with optimistic locking."""

from collections.abc import Callable
from datetime import datetime

from opsroom_cloud.instances.projection import NewerReleaseError
from opsroom_cloud.schedules.projection import ScheduleProjection, StoredSchedule, read_schedule
from opsroom_contracts.cloud.schedules import DueSchedule, ScheduleRecord
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import schedule_due, schedule_record, schedule_timer
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Schedule, Write

_DUE_TTL_SECONDS = 86_400
_ENDED_TTL_SECONDS = 7 * 86_400
"""How long a schedule is shown that never runs again."""
_REMOVED_TTL_SECONDS = 3600
"""How long the note of a removal lasts; by then, all processes know of it."""


class ScheduleStore:
    """Reads and writes schedules, and keeps the projection up to date.

    Methods raise UnavailableError if the broker does not respond, or a newer release wrote the record.
    """

    def __init__(
        self,
        projection: ScheduleProjection,
        reader: StreamReader,
        writer: BatchWriter,
        clock: Callable[[], datetime],
    ) -> None:
        self._projection = projection
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def read(self, name: str) -> StoredSchedule | None:
        """Read a schedule from the stream; None if there is none.

        A removed one is returned, too: its sequence is the guard of the next one with the name.
        """
        message = await self._reader.last(schedule_record(name))
        if message is None:
            return None
        stored = read_schedule(message)
        if stored.is_newer:
            raise NewerReleaseError(f"{message.subject}: a newer release wrote it")
        self._projection.apply(name, stored)
        return stored

    async def write(self, record: ScheduleRecord, *, expected: int) -> None:
        """Store a schedule and its next timer, atomically. A removed one is only a note.

        Raises:
            ConflictError: the schedule's last sequence is not ``expected``.
        """
        ttl = None
        if record.removed:
            ttl = _REMOVED_TTL_SECONDS
        elif record.next_at is None:
            ttl = _ENDED_TTL_SECONDS
        writes = [
            Write(schedule_record(record.name), encode(record), expected=expected, ttl=ttl, replaces=True)
        ]
        if record.next_at is not None and not record.removed:
            due = DueSchedule(schedule=record.name, due_at=record.next_at)
            timer = Schedule(at=record.next_at, target=schedule_due(record.name), ttl=_DUE_TTL_SECONDS)
            writes.append(Write(schedule_timer(record.name), encode(due), schedule=timer))
        sequences = await self._writer.write(*writes)
        self._projection.apply(record.name, StoredSchedule(record, sequences[0], self._clock()))
