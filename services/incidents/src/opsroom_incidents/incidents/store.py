"""The records of incidents, read from the broker and changed by guarded writes."""

import asyncio
from collections.abc import Callable
from typing import Final

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.incidents import (
    INCIDENT_RECORD,
    UNSAID_CHANGE,
    IncidentRecord,
    UnsaidChange,
)
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import INCIDENT_RECORDS, UNSAID_CHANGES, incident_record, unsaid_change
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.backward_reader import BATCH, BackwardReader
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_SECONDS: Final = 365 * 86_400
"""How long an incident is kept after its last change."""
_UNSAID_SECONDS: Final = 86_400
"""For how long a change is said later, if no process could say it at once."""
_UNSAID_PAGE: Final = 100
_ATTEMPTS: Final = 20
_READ_MAX: Final = 2000
"""Records that are read for one page; with a filter, most of them may not be shown."""
_PAGE_SECONDS: Final = 2.0
"""How long reading one page may take, less than the timeout of its request."""

Change = Callable[[IncidentRecord | None], IncidentRecord | None]
"""Returns the record after the one that is stored; None: nothing changes. It may raise a fault."""


class IncidentStore:
    """Reads and writes incidents. Every write is guarded by the one before."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident; None if there is none.

        Raises:
            FaultError: ``unavailable``: a newer release stored it.
            UnavailableError: the broker did not respond.
        """
        stored = await self._reader.last(incident_record(incident_id))
        return None if stored is None else _record(stored)

    async def change(
        self, incident_id: str, change: Change, user_id: str | None = None, *, to_say: bool
    ) -> IncidentRecord | None:
        """Store what ``change`` returns for the incident, and return what is stored then; None: nothing.

        ``to_say``: whether to store in the same step that the thread must say it. ``user_id``: who makes it.

        Raises:
            FaultError: that of ``change``; ``unavailable``: a newer release stored the incident.
            UnavailableError: the broker did not respond, or others were faster too often.
        """
        subject = incident_record(incident_id)
        for _ in range(_ATTEMPTS):
            stored = await self._reader.last(subject)
            known = None if stored is None else _record(stored)
            made = change(known)
            if made is None:
                return known
            expected = 0 if stored is None else stored.seq
            try:
                await self._writer.write(
                    Write(subject, encode(made), expected=expected, ttl=_SECONDS, replaces=True),
                    *((_unsaid(made, user_id),) if to_say else ()),
                )
            except ConflictError:
                continue
            return made
        raise UnavailableError(f"{subject} is being changed by other requests")

    async def unsaid(self) -> list[UnsaidChange]:
        """Return the changes that their threads don't say yet, in the order in which they were stored.

        Raises:
            UnavailableError: the broker did not respond.
        """
        found: list[UnsaidChange] = []
        start = 1
        while page := await self._reader.page(UNSAID_CHANGES, start=start, count=_UNSAID_PAGE):
            for stored in page:
                try:
                    note = UNSAID_CHANGE.read(stored.data)
                except ContractError:  # a newer release says it
                    continue
                found += [] if note.is_said else [note]
            start = page[-1].seq + 1
        return found

    async def said(self, incident_id: str, number: int) -> None:
        """Note that the thread says a change.

        Raises:
            UnavailableError: the broker did not respond.
        """
        record = encode(UnsaidChange(id=incident_id, number=number, is_said=True))
        await self._writer.write(Write(unsaid_change(incident_id, number), record, ttl=1, replaces=True))

    async def page(
        self, shows: Callable[[IncidentRecord], bool], before: int | None, limit: int
    ) -> tuple[list[IncidentRecord], int | None]:
        """Return incidents that ``shows`` accepts, the one that changed last first.

        ``before``: only those that changed before this sequence. Also returns the ``before`` of the next
        page; None: there are no more. A page is short if its budget is used up, and the next one continues.

        Raises:
            UnavailableError: the broker did not respond.
        """
        loop, read = asyncio.get_running_loop(), 0
        deadline = loop.time() + _PAGE_SECONDS
        source = await BackwardReader.before(self._reader, INCIDENT_RECORDS, before)
        found: list[IncidentRecord] = []
        while source.has_more and read < _READ_MAX and loop.time() < deadline:
            end = source.end
            window = await source.window(BATCH)
            read += len(window)
            for stored in reversed(window):
                if len(found) == limit:
                    return found, end
                end = stored.seq
                record = _shown(stored)
                if record is not None and shows(record):
                    found.append(record)
        return found, source.end if source.has_more else None


def _unsaid(record: IncidentRecord, user_id: str | None) -> Write:
    """Return the write that notes that the last change of a record has to be said."""
    number = record.changes[-1].number
    data = encode(UnsaidChange(id=record.id, number=number, user_id=user_id))
    return Write(unsaid_change(record.id, number), data, ttl=_UNSAID_SECONDS, replaces=True)


def _record(stored: StreamMessage) -> IncidentRecord | None:
    """Return a record; None for one that is malformed, which is then replaced."""
    try:
        return INCIDENT_RECORD.read(stored.data)
    except NewerVersionError as error:
        message = "a newer release has stored this incident; try again"
        raise refuse(ErrorCode.UNAVAILABLE, message) from error
    except ContractError:
        return None


def _shown(stored: StreamMessage) -> IncidentRecord | None:
    try:
        return INCIDENT_RECORD.read(stored.data)
    except ContractError:
        return None
