"""What the report of an incident is made from: its thread, and the outcome of the commands in it.

The chat service decides with each page of the thread whether its reader may read the room.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY, AuditEntryView, AuditRecord, may_be_on
from opsroom_contracts.chat.models import HISTORY_MAX, Message, ThreadRequest
from opsroom_contracts.cloud.commands import DONE, UNDONE
from opsroom_contracts.cloud.models import INSTANCE_EVENT, OPERATION_RECORD
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.incidents.incidents import (
    COMMANDS_PAGE,
    CommandStepsRequest,
    IncidentReply,
    IncidentRequest,
)
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import copy_fields
from opsroom_contracts.subjects import AUDIT, instance_events, operation_record
from opsroom_gateway.domain.incident_report import Records, ServerEvent
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.backward_reader import BATCH
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_MESSAGES_MAX: Final = 5000
_TEXT_MAX: Final = 8 * 1024 * 1024
"""Messages of one report, and characters in them; older ones are left out."""
_OPERATIONS_MAX: Final = 1000
"""Operations of one report; those of later commands are left out."""
_EVENTS_MAX: Final = 200
"""Events of a server that are read for one operation; few are of others."""
_AUDIT_MAX: Final = 5000
"""Entries of the audit log that are read for one report."""
_MARGIN: Final = timedelta(minutes=1)
"""How far the clocks of processes may differ."""
_CONCURRENT: Final = 2
_WAITING_MAX: Final = 50
_READS: Final = 8
_FINAL: Final = frozenset(DONE.values()) | UNDONE
"""The events that end an operation."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a report, and what they may see beside the thread."""

    user_id: str | None
    sees_servers: bool
    sees_audit: bool


@dataclass(frozen=True, slots=True)
class _Thread:
    """Messages of a thread, the first one included. ``left_out``: how many older ones there are."""

    messages: tuple[Message, ...] = ()
    left_out: int = 0


class ReportRecords:
    """Reads what reports are made from. Few are read at the same time."""

    def __init__(self, requester: RequestClient, cloud: StreamReader, audit: StreamReader) -> None:
        self._requester = requester
        self._cloud = cloud
        self._audit = audit
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    async def read(self, incident_id: str, reader: Reader) -> tuple[IncidentReply, Records, int]:
        """Return an incident, its records, and how many older messages are left out.

        Raises:
            FaultError: ``incident_unknown``; ``overloaded``: too many reports are being read.
            UnavailableError: a service or the broker did not respond.
        """
        if self._waiting >= _WAITING_MAX:
            raise refuse(ErrorCode.OVERLOADED, "too many reports are being read")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._read(incident_id, reader)
        finally:
            self._waiting -= 1

    async def _read(self, incident_id: str, reader: Reader) -> tuple[IncidentReply, Records, int]:
        wanted = IncidentRequest(id=incident_id, user_id=reader.user_id)
        found = await self._requester.request(endpoints.INCIDENT, wanted)
        thread = await self._thread(found.incident.room, incident_id, reader.user_id)
        operations = await self._operations(thread) if reader.sees_servers else ()
        events = await self._events(operations)
        audit: tuple[AuditRecord, ...] = ()
        if reader.sees_audit and operations:
            audit = await self._entries(frozenset(operations), found.incident.opened_at)
        records = Records(thread.messages, found.changes, events, audit)
        return found, records, thread.left_out

    async def _thread(self, room: str, root: str, user_id: str | None) -> _Thread:
        found: list[Message] = []
        size, before, first = 0, None, None
        while first is None or (before is not None and len(found) < _MESSAGES_MAX and size < _TEXT_MAX):
            request = ThreadRequest(room=room, id=root, user_id=user_id, before=before, limit=HISTORY_MAX)
            try:
                page = await self._requester.request(endpoints.THREAD, request)
            except FaultError as error:
                if error.fault.code is ErrorCode.MESSAGE_UNKNOWN:  # its replies can't be read any more
                    return _Thread()
                raise
            first = page.root
            found += page.replies
            size += sum(len(one.text) for one in page.replies)
            before = page.next
        total = 0 if first.replies is None else first.replies.replies
        return _Thread((first, *found), max(0, total - len(found)) if before is not None else 0)

    async def _operations(self, thread: _Thread) -> tuple[str, ...]:
        """Return the ids of the operations that the commands of a thread came to, each once."""
        said = sorted((one.seq, one.id) for one in thread.messages if one.command is not None)
        ids = [message_id for _, message_id in said]
        found: dict[str, None] = {}
        while ids and len(found) < _OPERATIONS_MAX:
            request = CommandStepsRequest(ids=tuple(ids[:COMMANDS_PAGE]))
            reply = await self._requester.request(endpoints.COMMAND_STEPS, request)
            found |= dict.fromkeys(step.operation for step in reply.steps)
            ids = ids[COMMANDS_PAGE if reply.next is None else ids.index(reply.next) :]
        return tuple(found)[:_OPERATIONS_MAX]

    async def _events(self, operations: tuple[str, ...]) -> tuple[ServerEvent, ...]:
        slots = asyncio.Semaphore(_READS)

        async def of(operation_id: str) -> list[ServerEvent]:
            async with slots:
                return await self._of_operation(operation_id)

        found = await asyncio.gather(*map(of, operations))
        return tuple(event for events in found for event in events)

    async def _of_operation(self, operation_id: str) -> list[ServerEvent]:
        """Return the events of one operation, as far as they are still stored."""
        stored = await self._cloud.last(operation_record(operation_id))
        try:
            record = None if stored is None else OPERATION_RECORD.read(stored.data)
        except ContractError:
            record = None
        if stored is None or record is None:
            return []
        subject, start, read = instance_events(record.instance_id), stored.seq - record.event_offset, 0
        found: list[ServerEvent] = []
        while read < _EVENTS_MAX:
            batch = await self._cloud.page(subject, start=start, count=_READS)
            for one in batch:
                event = _event_of(one, operation_id)
                found += [] if event is None else [event]
                if event is not None and event.event.type in _FINAL:
                    return found
            if len(batch) < _READS:
                break
            start, read = batch[-1].seq + 1, read + len(batch)
        return found

    async def _entries(self, operations: frozenset[str], since: datetime) -> tuple[AuditRecord, ...]:
        """Return the entries of the audit log about operations, from shortly before a moment on."""
        found: list[AuditRecord] = []
        start, read = await self._since(since - _MARGIN), 0
        while read < _AUDIT_MAX:
            batch = await self._audit.page(AUDIT, start=start, count=BATCH)
            found += [one for stored in batch for one in _entry_of(stored, operations)]
            if len(batch) < BATCH:
                break
            start, read = batch[-1].seq + 1, read + len(batch)
        return tuple(found)

    async def _since(self, moment: datetime) -> int:
        """Return the sequence from which on the audit log has what was stored after a moment."""
        bounds = await self._audit.bounds()
        low, high = bounds.first, bounds.last + 1
        while low < high:
            middle = (low + high) // 2
            page = await self._audit.page(AUDIT, start=middle, count=1)
            if page and page[0].at < moment:
                low = page[0].seq + 1
            else:
                high = middle
        return low


def _event_of(stored: StreamMessage, operation_id: str) -> ServerEvent | None:
    try:
        event = INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return None
    return ServerEvent(stored.seq, event) if event.operation_id == operation_id else None


def _entry_of(stored: StreamMessage, operations: frozenset[str]) -> list[AuditRecord]:
    try:
        entry = AUDIT_ENTRY.read(stored.data)
    except ContractError:
        return []
    if entry.operation_id not in operations or not may_be_on(entry, stored.subject):
        return []
    return [AuditRecord(seq=stored.seq, entry=copy_fields(entry, AuditEntryView))]
