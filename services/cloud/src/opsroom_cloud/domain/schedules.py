"""When schedules run, and what is missed. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsroom_cloud.domain.cron import Cron, CronError, read_cron
from opsroom_contracts.cloud.schedules import ScheduleRecord, ScheduleRequest
from opsroom_contracts.cloud.selectors import read_selector
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.model import rfc3339

AT_MAX: Final = timedelta(days=366)
"""How far ahead a single time may be."""


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a schedule: a single one, or those of ``cron`` in ``zone``."""

    at: datetime | None
    cron: Cron | None
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time after ``moment``; None: there is none."""
        if self.cron is not None:
            return self.cron.after(moment, self.zone)
        return self.at if self.at is not None and self.at > moment else None

    def latest(self, since: datetime, now: datetime, late_max: timedelta) -> datetime:
        """Return the last time that is due, from ``since``, which is one of them and is due, to ``now``.

        Several that were missed together are one: the last. Older ones than ``late_max`` don't matter.
        """
        found, moment = since, max(since, now - late_max)
        while True:
            following = self.after(moment)
            if following is None or following > now:
                return found
            found = moment = following


def times_of(schedule: ScheduleRequest | ScheduleRecord) -> Times | Fault:
    """Return the times of a schedule, or the fault that refuses it."""
    try:
        zone = ZoneInfo(schedule.zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _invalid("zone", f"there is no time zone {schedule.zone!r}; write one like Europe/Berlin")
    if schedule.cron is None:
        return Times(schedule.at, None, zone)
    try:
        return Times(None, read_cron(schedule.cron), zone)
    except CronError as error:
        return _invalid("cron", str(error))


def first_time(request: ScheduleRequest, now: datetime) -> datetime | Fault:
    """Return when a new schedule runs first, or the fault that refuses it."""
    times = times_of(request)
    if isinstance(times, Fault):
        return times
    if request.selector is not None:
        try:
            read_selector(request.selector)
        except ValueError as error:
            return _invalid("selector", str(error))
    if request.ids is not None and len(set(request.ids)) < len(request.ids):
        return _invalid("ids", "one of them is there twice")
    if request.at is not None and not now < request.at <= now + AT_MAX:
        return _invalid("at", f"must be from now to {AT_MAX.days} days ahead")
    found = times.after(now)
    return _invalid("cron", "this time never comes") if found is None else found


def next_time(record: ScheduleRecord, after: datetime) -> datetime | None:
    """Return when a stored schedule runs next; None: never again, or this system lacks its time zone."""
    times = times_of(record)
    return None if isinstance(times, Fault) else times.after(after)


def latest_time(record: ScheduleRecord, now: datetime, late_max: timedelta) -> datetime | None:
    """Return for when a stored schedule is due now; None: it is not."""
    times = times_of(record)
    if record.next_at is None or record.next_at > now or isinstance(times, Fault):
        return None
    return times.latest(record.next_at, now, late_max)


def run_key(record: ScheduleRecord, due_at: datetime, target: str) -> str:
    """Return the idempotency key of what a run commands one server.

    A run that is repeated after a crash, or in another process, has the same one.
    """
    parts = (record.name, rfc3339(record.created_at), rfc3339(due_at), target)
    return f"schedule/{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:32]}"


def same_schedule(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether ``request`` asks for what there is: then it is a retry."""
    fields = ("name", "command", "ids", "selector", "cron", "zone", "at", "identity")
    return all(getattr(record, one) == getattr(request, one) for one in fields)


def is_made_by(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether ``request`` repeats the one that made the schedule, whatever has become of it since."""
    return request.client_id is not None and record.client_id == request.client_id


def _invalid(field: str, reason: str) -> Fault:
    return Fault(code=ErrorCode.INVALID_REQUEST, message=f"{field}: {reason}", field=field)
