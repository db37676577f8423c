"""When a schedule that is said in the chat runs. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsroom_contracts.cloud.schedules import Schedule
from opsroom_contracts.incidents.commands import ScheduleCommand

_PARTS: Final = re.compile(r"(?:(?P<day>[0-9-]{10})T)?(?P<clock>[0-9:]{5,8})(?P<offset>Z|[+-][0-9:]{5})?")


class TimeError(ValueError):
    """A time can't be used; the message says why."""


def time_of(command: ScheduleCommand, said_at: datetime) -> datetime | None:
    """Return the single time of a schedule, in UTC; None if it repeats.

    A time without a day is the next one after ``said_at``; one without a zone is UTC. It does not depend on
    when the command is done, so that doing it again asks for the same.

    Raises:
        TimeError: there is no such zone, day or offset.
    """
    zone = zone_of(command.zone)
    if command.at is None:
        return None
    found = _PARTS.fullmatch(command.at)
    if found is None:
        raise TimeError(f"{command.at} is not a time")
    if found["offset"] is not None:
        if command.zone is not None:
            raise TimeError("a time with an offset has no other zone")
        zone = _offset(found["offset"])
    try:
        clock = time.fromisoformat(found["clock"])
        if found["day"] is not None:
            return datetime.combine(date.fromisoformat(found["day"]), clock, zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeError(f"{command.at} is not a time: {error}") from None
    today = said_at.astimezone(zone).date()
    following = (
        datetime.combine(today + timedelta(days=days), clock, zone).astimezone(UTC) for days in (0, 1)
    )
    return next(moment for moment in following if moment > said_at)


def zone_of(name: str | None) -> tzinfo:
    """Return the time zone with a name; by default UTC.

    Raises:
        TimeError: there is none.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeError(f"there is no time zone {name}; write one like Europe/Berlin") from None


def when_text(schedule: Schedule) -> str:
    """Return when a schedule runs, as a reply says it."""
    if schedule.at is not None:
        return f"at {schedule.at:%Y-%m-%d %H:%M} UTC"
    following = "" if schedule.next_at is None else f"; next {schedule.next_at:%Y-%m-%d %H:%M} UTC"
    return f"cron {schedule.cron} {schedule.zone or 'UTC'}{following}"


def _offset(text: str) -> tzinfo:
    try:
        found = datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo
    except ValueError:
        found = None
    if found is None:
        raise TimeError(f"{text} is not an offset")
    return found
