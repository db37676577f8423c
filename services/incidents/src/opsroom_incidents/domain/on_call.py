"""Who is on duty. Pure functions.

Weeks are counted in local days from a stored day, the anchor, and not in hours: a handover stays at its time
of day when clocks change. A time that clocks leave out counts with the offset from before the change, and of
a time that occurs twice, the first counts. So handovers ascend, and exactly one person has each instant.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsroom_contracts.incidents.on_call import Rota

_WEEK: Final = timedelta(days=7)
_ID_CHARACTERS: Final = 16


class ZoneError(ValueError):
    """There is no such time zone; the message says how one is written."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty, who comes next in the rota (None: nobody else is in it), and until when this holds."""

    person: str
    following: str | None
    until: datetime


def rota_id(name: str) -> str:
    """Return the id of the rota with a name, whose upper and lower case are the same."""
    digest = hashlib.sha256(f"rota/{name.casefold()}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_ID_CHARACTERS]


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        ZoneError: there is none with this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneError(f"there is no time zone {name}; write one like Europe/Berlin") from None


def anchor_of(rota: Rota, now: datetime) -> date:
    """Return the day of the last handover: the week in which the first person is on duty.

    Raises:
        ZoneError: the rota has no usable time zone.
    """
    today = now.astimezone(zone_of(rota.zone)).date()
    day = today - timedelta(days=(today.weekday() - rota.weekday) % 7)
    return day if handover(rota, day, 0) <= now else day - _WEEK


def kept_anchor(before: Rota, anchor: date, rota: Rota, now: datetime) -> date:
    """Return the anchor of a changed rota: the same while the people and the handover's day stay.

    Otherwise the week that runs is the first person's.
    """
    same = before.people == rota.people and before.weekday == rota.weekday
    return anchor if same else anchor_of(rota, now)


def handover(rota: Rota, anchor: date, week: int) -> datetime:
    """Return when the week with this number begins, in UTC. Weeks before the anchor have negative numbers."""
    clock = time.fromisoformat(rota.time)
    local = datetime.combine(anchor + week * _WEEK, clock, zone_of(rota.zone))
    return local.astimezone(UTC)


def week_at(rota: Rota, anchor: date, moment: datetime) -> int:
    """Return the number of the week to which a moment belongs."""
    week = (moment.astimezone(zone_of(rota.zone)).date() - anchor) // _WEEK
    while handover(rota, anchor, week) > moment:
        week -= 1
    while handover(rota, anchor, week + 1) <= moment:
        week += 1
    return week


def duty_at(rota: Rota, anchor: date, moment: datetime) -> Duty:
    """Return who is on duty at a moment."""
    week = week_at(rota, anchor, moment)
    covering = [one for one in rota.overrides if one.start <= moment < one.end]
    person = covering[-1].person if covering else _person(rota, week)
    order = (_person(rota, week + step) for step in range(1, len(rota.people) + 1))
    edges = [edge for one in rota.overrides for edge in (one.start, one.end) if edge > moment]
    return Duty(
        person=person,
        following=next((one for one in order if one != person), None),
        until=min([handover(rota, anchor, week + 1), *edges]),
    )


def _person(rota: Rota, week: int) -> str:
    return rota.people[week % len(rota.people)]
