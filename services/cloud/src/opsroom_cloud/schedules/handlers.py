"""Handlers of schedules: make, remove and list them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from opsroom_cloud.domain.schedules import first_time, is_made_by, same_schedule
from opsroom_cloud.schedules.projection import ScheduleProjection
from opsroom_cloud.schedules.store import ScheduleStore
from opsroom_contracts.audit import AuditAction, AuditedAction, Requester
from opsroom_contracts.cloud.requests import ANONYMOUS
from opsroom_contracts.cloud.schedules import (
    SCHEDULES_MAX,
    Schedule,
    ScheduleRecord,
    ScheduleReply,
    ScheduleRequest,
    SchedulesReply,
    SchedulesRequest,
    UnscheduleRequest,
)
from opsroom_contracts.errors import RETRYABLE, ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.identity import OPERATOR_IDENTITY
from opsroom_contracts.serialization.model import copy_fields, rfc3339
from opsroom_messaging.errors import ConflictError
from opsroom_messaging.jetstream.audit_log import AuditWriter, moderation_entry, rejected_entry

_ATTEMPTS = 5

RequestT = TypeVar("RequestT", ScheduleRequest, UnscheduleRequest)


class Schedules:
    """Handlers of ``cloud.schedule``, ``cloud.unschedule`` and ``cloud.schedules``."""

    def __init__(
        self,
        store: ScheduleStore,
        projection: ScheduleProjection,
        audit: AuditWriter,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._projection = projection
        self._audit = audit
        self._clock = clock

    async def create(self, request: ScheduleRequest) -> ScheduleReply:
        """Make a schedule; one that is there already as requested is the reply to a retry.

        Raises:
            FaultError: ``invalid_request``, ``name_taken``; ``rate_limited``: there are too many.
        """
        return await self._audited(AuditedAction.SCHEDULE, request, self._create)

    async def remove(self, request: UnscheduleRequest) -> ScheduleReply:
        """Remove a schedule.

        Raises:
            FaultError: ``not_found``.
        """
        return await self._audited(AuditedAction.UNSCHEDULE, request, self._remove)

    async def list(self, _: SchedulesRequest) -> SchedulesReply:
        """Return all schedules."""
        return SchedulesReply(schedules=tuple(_view(one) for one in self._projection.records()))

    async def _create(self, request: ScheduleRequest) -> ScheduleRecord:
        for _ in range(_ATTEMPTS):
            stored = await self._store.read(request.name)
            there = None if stored is None else stored.record
            if there is not None and is_made_by(there, request):
                return there
            if there is not None and not there.removed and there.next_at is not None:
                if same_schedule(there, request):
                    return there
                raise refuse(ErrorCode.NAME_TAKEN, f"there is a schedule {request.name!r}", field="name")
            if len(self._projection.records()) >= SCHEDULES_MAX:
                raise refuse(ErrorCode.RATE_LIMITED, f"there are {SCHEDULES_MAX} schedules already")
            now = self._clock()
            first = first_time(request, now)
            if isinstance(first, Fault):
                raise FaultError(first)
            record = copy_fields(
                request,
                ScheduleRecord,
                command=request.command,  # `copy_fields` takes a literal for a constant
                created_at=now,
                next_at=first,
                actor=_author(request),
            )
            try:
                await self._store.write(record, expected=0 if stored is None else stored.seq)
            except ConflictError:
                continue
            return record
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this schedule; try again")

    async def _remove(self, request: UnscheduleRequest) -> ScheduleRecord:
        for _ in range(_ATTEMPTS):
            stored = await self._store.read(request.name)
            if stored is None or stored.record is None:
                raise refuse(ErrorCode.NOT_FOUND, f"there is no schedule {request.name!r}", field="name")
            if stored.record.removed:  # a retry, or somebody else was faster
                return stored.record
            record = stored.record.model_copy(update={"removed": True, "next_at": None})
            try:
                await self._store.write(record, expected=stored.seq)
            except ConflictError:
                continue
            return record
        raise refuse(ErrorCode.UNAVAILABLE, "too many concurrent writes to this schedule; try again")

    async def _audited(
        self,
        action: AuditAction,
        request: RequestT,
        handle: Callable[[RequestT], Awaitable[ScheduleRecord]],
    ) -> ScheduleReply:
        by = Requester(name=_author(request), address=request.address, identity=request.identity)
        try:
            record = await handle(request)
        except FaultError as error:
            if error.fault.code not in RETRYABLE - {ErrorCode.RATE_LIMITED}:
                self._audit.record(rejected_entry(action, by, error.fault, request.name))
            raise
        made = rfc3339(record.created_at).translate({ord(char): None for char in "-:.TZ"})
        entry = moderation_entry(action, by, request.name, None, once=f"{request.name[:30]}-{made}")
        self._audit.record(entry)
        return ScheduleReply(schedule=_view(record))


def _author(request: ScheduleRequest | UnscheduleRequest) -> str:
    by_hand = request.identity is None and request.address is None and request.actor == ANONYMOUS
    return OPERATOR_IDENTITY if by_hand else request.actor


def _view(record: ScheduleRecord) -> Schedule:
    return copy_fields(record, Schedule, command=record.command)
