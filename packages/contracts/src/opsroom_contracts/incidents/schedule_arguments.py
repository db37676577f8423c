"""The arguments of ``/schedule``: what to do, to which servers, and when."""

import re
from typing import Final

from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.incidents.arguments import matching, required_targets
from opsroom_contracts.incidents.commands import (
    CommandName,
    ListSchedules,
    RemoveSchedule,
    ScheduleCommand,
    Targets,
)
from opsroom_contracts.incidents.words import Reason, Words, refuse

LIFECYCLE: Final = {
    CommandName.START: Command.START,
    CommandName.STOP: Command.STOP,
    CommandName.RESTART: Command.RESTART,
    CommandName.REMOVE: Command.REMOVE,
}
"""The commands that change servers, and what the cloud service calls them."""
LIST: Final = "list"
REMOVE: Final = "remove"
AS: Final = "as"
_AT: Final = "at"
_CRON: Final = "cron"
_EVERY: Final = "every"
_AFTER_SERVERS: Final = frozenset({_AT, _CRON, _EVERY})
"""Words that end the servers; a server with such a name is given by its id."""
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T)?([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*,/-]{1,32}")
_CRON_FIELDS: Final = 5
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS: Final = {"day": "*", "weekday": "mon-fri", **{day: day[:3] for day in _WEEKDAYS}}
"""What can follow ``every``, and the field of cron that it stands for."""


def read_schedule(words: Words) -> ScheduleCommand | ListSchedules | RemoveSchedule:
    """Read ``list``, ``remove NAME``, or a command for servers and its time."""
    choice = ", ".join((*LIFECYCLE, LIST, REMOVE))
    word = words.required("action", f"name what to do: {choice}")
    action = word.text.lower()
    if action == LIST:
        return ListSchedules()
    if action == REMOVE:
        return RemoveSchedule(_schedule_name(words))
    command = next((found for name, found in LIFECYCLE.items() if name == action), None)
    if command is None:
        refuse(word.start, Reason.INVALID, "action", f"must be one of: {choice}")
    targets = required_targets(words, _AFTER_SERVERS)
    if words.keyword(_AT):
        time = words.required("at", "give a time, such as 19:00")
        at = matching(time, _TIME, "at", "must be like 19:00 or 2026-11-30T19:00")
        return _named(words, command, targets, at=at)
    if words.keyword(_EVERY):
        return _named(words, command, targets, cron=_read_every(words))
    if words.keyword(_CRON):
        cron = " ".join(_cron_field(words) for _ in range(_CRON_FIELDS))
        return _named(words, command, targets, cron=cron)
    message = "say when: at 19:00, every day at 19:00, or cron and five fields"
    return refuse(words.start, Reason.MISSING, "at", message)


def _named(
    words: Words, command: Command, targets: Targets, *, at: str | None = None, cron: str | None = None
) -> ScheduleCommand:
    """Read what follows the time: a time zone and a name, if they are there."""
    zone, name = None, None
    following = words.peek()
    if following is not None and following.text != AS:
        zone = _read_zone(words)
    if words.keyword(AS):
        name = _schedule_name(words)
    return ScheduleCommand(command, targets, at=at, cron=cron, zone=zone, name=name)


def _read_every(words: Words) -> str:
    """Read ``day at 19:00`` as the five fields of cron."""
    choice = ", ".join(_DAYS)
    word = words.required("every", f"say which days: {choice}")
    days = _DAYS.get(word.text.lower())
    if days is None:
        refuse(word.start, Reason.INVALID, "every", f"must be one of: {choice}")
    if not words.keyword(_AT):
        refuse(words.start, Reason.MISSING, "at", "say when on these days, such as at 19:00")
    time = words.required("at", "give a time, such as 19:00")
    hour, _, minute = matching(time, _CLOCK, "at", "must be like 19:00").partition(":")
    return f"{int(minute)} {int(hour)} * * {days}"


def _cron_field(words: Words) -> str:
    message = "needs five fields: minute, hour, day, month and weekday"
    return matching(words.required("cron", message), _CRON_FIELD, "cron", message)


def _read_zone(words: Words) -> str:
    word = words.required("zone", "give a time zone, such as Europe/Berlin")
    return matching(word, _ZONE, "zone", "must be like Europe/Berlin")


def _schedule_name(words: Words) -> str:
    message = "must be 1 to 40 of a-z, 0-9 and hyphens, with no hyphen at either end"
    return matching(words.required("schedule", "name the schedule"), _NAME, "schedule", message)
