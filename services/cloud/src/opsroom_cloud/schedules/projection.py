"""In-memory projection of all schedules from their stored records."""

import logging
from dataclasses import dataclass
from datetime import datetime

from opsroom_contracts.cloud.schedules import SCHEDULE_RECORD, ScheduleRecord
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A record, its sequence, and when the broker stored it. ``record``: None if it can't be read here.

    ``is_newer``: a newer release wrote it, and processes of that release run it.
    """

    record: ScheduleRecord | None
    seq: int
    at: datetime
    is_newer: bool = False


def read_schedule(message: StreamMessage) -> StoredSchedule:
    """Decode the record in ``message``; one that can't be read is logged."""
    try:
        record = SCHEDULE_RECORD.read(message.data)
    except ContractError as error:
        log.warning("skipped %s (sequence %d): %s", message.subject, message.seq, error)
        return StoredSchedule(None, message.seq, message.at, isinstance(error, NewerVersionError))
    if not message.subject.endswith(f".{record.name}"):
        log.warning("skipped a schedule of another name on %s", message.subject)
        return StoredSchedule(None, message.seq, message.at)
    return StoredSchedule(record, message.seq, message.at)


class ScheduleProjection:
    """Handler of a subscription to all records of schedules; while they are read again, the former stay."""

    def __init__(self) -> None:
        self._known: dict[str, StoredSchedule] = {}
        self._unconfirmed: set[str] = set()
        self.malformed = 0

    def on_restart(self, restart: Restart) -> None:
        """Note that everything is delivered again if the subscription begins again."""
        if restart.renewed:
            self._known.clear()
        if restart.reset:
            self._unconfirmed = set(self._known)

    def on_message(self, message: StreamMessage) -> None:
        """Apply one message of ``cloud.schedules.*``."""
        name = message.subject.rpartition(".")[2]
        self._unconfirmed.discard(name)
        stored = read_schedule(message)
        if stored.record is None:
            self.malformed += 1
        self.apply(name, stored)

    def on_synced(self) -> None:
        """Forget what the stream no longer has."""
        for name in self._unconfirmed:
            self._known.pop(name, None)
        self._unconfirmed = set()

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost a record."""
        return any(stored.seq < first_seq for stored in self._known.values())

    def apply(self, name: str, stored: StoredSchedule) -> None:
        """Apply the record of ``name``, unless a later one is known."""
        before = self._known.get(name)
        if before is None or before.seq <= stored.seq:
            self._known[name] = stored

    def records(self) -> list[ScheduleRecord]:
        """Return all schedules that are not removed, sorted by name."""
        found = (stored.record for stored in self._known.values())
        return sorted((one for one in found if one is not None and not one.removed), key=lambda one: one.name)

    def stored_before(self, moment: datetime) -> list[str]:
        """Return the names of schedules whose record was stored before ``moment`` and must be kept."""
        return [
            name
            for name, stored in self._known.items()
            if stored.at < moment and stored.record is not None and stored.record.next_at is not None
        ]

    def oldest_needed(self) -> int | None:
        """Return the lowest sequence of a record; None if there is none."""
        needed = [
            stored.seq
            for stored in self._known.values()
            if stored.is_newer or (stored.record is not None and not stored.record.removed)
        ]
        return min(needed, default=None)
