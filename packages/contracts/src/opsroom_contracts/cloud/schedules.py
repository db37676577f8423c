"""Schedules: commands for servers that are given at a time, or again and again."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from opsroom_contracts.audit import Address
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import Actor
from opsroom_contracts.cloud.requests import ANONYMOUS
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import ClientId, Identifier, Model, Timestamp
from opsroom_contracts.serialization.versions import StoredContract

SCHEDULES_MAX = 500
"""The maximum number of schedules of a portal."""
SCHEDULE_TARGETS_MAX = 100
"""The maximum number of servers that one run commands."""
SCHEDULE_ACTOR = "schedule"

ScheduleName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
"""The name of a schedule, unique in a portal: 1 to 40 of ``a-z``, ``0-9`` and hyphens."""
CronText = Annotated[str, Field(min_length=1, max_length=200)]
"""Five fields: minute, hour, day of the month, month, day of the week."""
ZoneName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]
"""The name of a time zone of the IANA, such as ``Europe/Berlin``."""
ScheduledCommand = Literal[Command.START, Command.STOP, Command.RESTART, Command.REMOVE]
SELECTOR_MAX = 1000
"""The maximum length of a selector, in characters."""
SelectorText = Annotated[str, Field(min_length=1, max_length=SELECTOR_MAX)]


def schedule_actor(name: str) -> str:
    """Return the name to show as the author of what a schedule commands."""
    return f"{SCHEDULE_ACTOR} {name}"


class RunOutcome(StrEnum):
    """What came of a run."""

    DONE = "done"
    """Its commands were given; each has its own outcome."""
    MISSED = "missed"
    """The portal was down, and it came back too late."""


class ScheduleRun(Model):
    """The last run: for when it was due, and how many commands were accepted and refused.

    ``code``: why one was refused, if any was.
    """

    due_at: Timestamp
    at: Timestamp
    outcome: RunOutcome
    accepted: Annotated[int, Field(ge=0)] = 0
    refused: Annotated[int, Field(ge=0)] = 0
    code: ErrorCode | None = None


class _ScheduleFields(Model):
    name: ScheduleName
    command: ScheduledCommand
    ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=SCHEDULE_TARGETS_MAX)] | None = None
    selector: SelectorText | None = None
    cron: CronText | None = None
    zone: ZoneName | None = None
    at: Timestamp | None = None


class ScheduleRecord(_ScheduleFields):
    """A schedule, on ``cloud.schedules.<name>``; each write replaces the earlier one.

    ``next_at``: when it runs next; None: never again. ``actor``, ``identity``, ``owner`` and ``address``: who
    made it. ``removed``: it is kept for a moment only, so that no process still runs it. ``client_id``: that
    of the request that made it.
    """

    version: Literal[1] = 1
    actor: Actor
    identity: Identity | None = None
    owner: Identity | None = None
    address: Address | None = None
    created_at: Timestamp
    next_at: Timestamp | None = None
    last: ScheduleRun | None = None
    removed: bool | None = None
    client_id: ClientId | None = None


class DueSchedule(Model):
    """A timer's message on ``cloud.due.~<name>``: a schedule is due at ``due_at``.

    It has the second version of due messages, so that releases without schedules leave it to others.
    """

    version: Literal[2] = 2
    schedule: ScheduleName
    due_at: Timestamp


class Schedule(_ScheduleFields):
    """A schedule as clients see it. ``next_at`` is missing when it does not run again."""

    actor: Actor
    created_at: Timestamp
    next_at: Timestamp | None = None
    last: ScheduleRun | None = None


class ScheduleRequest(_ScheduleFields):
    """Command the servers of ``ids`` (ids or names) or ``selector`` at a time, or again and again.

    ``cron`` with ``zone`` (default: UTC), or ``at``. A request that repeats what a schedule of that name has
    already is a retry; any other one is refused. With a ``client_id``, one that repeats it is a retry even
    after the schedule has run for the last time, or was removed.
    """

    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    owner: Identity | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if (self.ids is None) == (self.selector is None):
            raise ValueError("ids or selector is required, and not both")
        if (self.cron is None) == (self.at is None):
            raise ValueError("cron or at is required, and not both")
        if self.zone is not None and self.cron is None:
            raise ValueError("zone belongs to cron; at has its own")
        return self


class UnscheduleRequest(Model):
    """Remove a schedule. What it has commanded already goes on."""

    name: ScheduleName
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    owner: Identity | None = None
    address: Address | None = None


class ScheduleReply(Model):
    """The schedule."""

    schedule: Schedule


class SchedulesRequest(Model):
    """Get all schedules."""


class SchedulesReply(Model):
    """All schedules, sorted by name."""

    schedules: tuple[Schedule, ...]


SCHEDULE_RECORD = StoredContract(ScheduleRecord)
