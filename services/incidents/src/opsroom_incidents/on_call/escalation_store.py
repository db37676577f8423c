"""The records of escalations and their timers, and those of the cards that they are about."""

from typing import Final

from opsroom_contracts.incidents.escalations import ESCALATION, DueEscalation, EscalationRecord
from opsroom_contracts.incidents.hooks import CARD_RECORD, CardRecord
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import (
    ESCALATIONS,
    card_subject,
    escalation_due,
    escalation_subject,
    escalation_timer,
)
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Schedule, Write

_KEPT_SECONDS: Final = 30 * 86_400
"""How long the record of an escalation is kept after its last change; webhooks get an event about it."""
_ENDED_SECONDS: Final = 3600
_DUE_SECONDS: Final = 3600
"""How long a due message waits for a process. The sweep finds what is due later."""
_PAGE: Final = 100


class EscalationStore:
    """Reads and writes escalations. Methods raise UnavailableError if the broker does not respond."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, escalation_id: str) -> tuple[EscalationRecord, int] | None:
        """Return an escalation and the sequence of its record."""
        stored = await self._reader.last(escalation_subject(escalation_id))
        record = None if stored is None else _escalation(stored)
        return None if stored is None or record is None else (record, stored.seq)

    async def waiting(self) -> list[EscalationRecord]:
        """Return all escalations that have a next step."""
        found: dict[str, EscalationRecord] = {}
        start = 1
        while page := await self._reader.page(ESCALATIONS, start=start, count=_PAGE):
            for stored in page:
                record = _escalation(stored)
                if record is not None:
                    found[record.id] = record
            start = page[-1].seq + 1
            if len(page) < _PAGE:
                break
        return [one for one in found.values() if one.next_at is not None]

    async def card(self, digest: str) -> CardRecord | None:
        """Return the record of a card."""
        stored = await self._reader.last(card_subject(digest))
        try:
            return None if stored is None else CARD_RECORD.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError("a newer release has stored this card") from error
        except ContractError:
            return None

    async def put(self, record: EscalationRecord, expected: int) -> None:
        """Store an escalation and its next timer, atomically.

        Raises:
            ConflictError: the last sequence of the record is not ``expected``.
        """
        await self._writer.write(*writes_of(record, expected))


def writes_of(record: EscalationRecord, expected: int | None = None) -> tuple[Write, ...]:
    """Return what stores an escalation and its next timer, for an atomic batch."""
    ends = record.next_at is None and record.webhook is None
    ttl = _ENDED_SECONDS if ends else _KEPT_SECONDS
    subject = escalation_subject(record.id)
    stored = Write(subject, encode(record), expected=expected, ttl=ttl, replaces=True)
    if record.next_at is None:
        return (stored,)
    timer = Schedule(at=record.next_at, target=escalation_due(record.id), ttl=_DUE_SECONDS)
    return stored, Write(escalation_timer(record.id), encode(DueEscalation(id=record.id)), schedule=timer)


def _escalation(stored: StreamMessage) -> EscalationRecord | None:
    try:
        return ESCALATION.read(stored.data)
    except ContractError:
        return None
