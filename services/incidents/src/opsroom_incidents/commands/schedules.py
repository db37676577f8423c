"""``/schedule``: make, list and remove schedules."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.schedules import (
    SELECTOR_MAX,
    Schedule,
    ScheduledCommand,
    ScheduleRequest,
    SchedulesRequest,
    UnscheduleRequest,
)
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.incidents.commands import RemoveSchedule, ScheduleCommand
from opsroom_contracts.incidents.schedule_arguments import LIFECYCLE
from opsroom_contracts.text import clip
from opsroom_incidents.commands.cloud import by_of
from opsroom_incidents.commands.said import RefusalError, Said
from opsroom_incidents.domain.results import REPLY_MAX
from opsroom_incidents.domain.schedule_times import TimeError, time_of, when_text
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

_LATER: Final = RETRYABLE - {ErrorCode.RATE_LIMITED}
_LISTED_MAX: Final = 40
"""How many schedules a reply lists."""
_WORDS: Final = {command: name for name, command in LIFECYCLE.items()}

ReplyT = TypeVar("ReplyT")


class ScheduleCommands:
    """Asks the cloud service. ``check_on_time`` raises RefusalError if a command is too late to be begun.

    Methods return the reply. They raise RefusalError for a refusal, UnavailableError if nothing is known.
    """

    def __init__(self, requester: RequestClient, check_on_time: Callable[[Said], None]) -> None:
        self._requester = requester
        self._check_on_time = check_on_time

    async def make(self, command: ScheduleCommand, said: Said) -> str:
        """Make a schedule: once, however often it is tried, and whatever becomes of it in between."""
        request = _request(command, said)
        made = await self._made(request, said)
        if made is None:
            reply = await _asked(said, lambda: self._requester.request(endpoints.SCHEDULE, request))
            made = reply.schedule
        return f"Scheduled as `{made.name}`: {_line(made)}\nTo remove it: /schedule remove {made.name}"

    async def show(self, said: Said) -> str:
        """List the schedules that run again."""
        self._check_on_time(said)
        reply = await _asked(said, lambda: self._requester.request(endpoints.SCHEDULES, SchedulesRequest()))
        found = [one for one in reply.schedules if one.next_at is not None]
        if not found:
            return "There are no schedules."
        lines = [f"- `{one.name}` {_line(one)} (by {one.actor})" for one in found[:_LISTED_MAX]]
        if len(found) > _LISTED_MAX:
            lines.append(f"and {len(found) - _LISTED_MAX} more")
        return clip("\n".join(lines), REPLY_MAX)

    async def remove(self, command: RemoveSchedule, said: Said) -> str:
        """Remove a schedule; doing it again changes nothing."""
        self._check_on_time(said)
        request = UnscheduleRequest(name=command.name, **by_of(said.caller))
        await _asked(said, lambda: self._requester.request(endpoints.UNSCHEDULE, request))
        return f"Removed the schedule `{command.name}`."

    async def _made(self, request: ScheduleRequest, said: Said) -> Schedule | None:
        """Return what an earlier attempt has made, if it is too late to make it now; None: it is not.

        Raises:
            RefusalError: it is too late, and there is no such schedule.
        """
        try:
            self._check_on_time(said)
        except RefusalError:
            listed = await _asked(
                said, lambda: self._requester.request(endpoints.SCHEDULES, SchedulesRequest())
            )
            for one in listed.schedules:
                if one.name == request.name and one.created_at >= said.at:
                    return one
            raise
        return None


async def _asked(said: Said, ask: Callable[[], Awaitable[ReplyT]]) -> ReplyT:
    try:
        return await ask()
    except FaultError as error:
        if error.fault.code in _LATER:
            raise UnavailableError(error.fault.message) from error
        raise RefusalError(f"/{said.name}: {error.fault.message}") from error


def _request(command: ScheduleCommand, said: Said) -> ScheduleRequest:
    selector = command.targets.selector
    if selector is not None and len(selector) > SELECTOR_MAX:
        raise RefusalError(f"/{said.name}: the labels have more than {SELECTOR_MAX} characters.")
    return ScheduleRequest(
        name=command.name or _name(command, said),
        command=_scheduled(command),
        ids=command.targets.names or None,
        selector=selector,
        cron=command.cron,
        zone=None if command.cron is None else command.zone,
        at=_at(command, said),
        client_id=f"chat/{said.message_id}",
        **by_of(said.caller),
    )


def _at(command: ScheduleCommand, said: Said) -> datetime | None:
    try:
        return time_of(command, said.at)
    except TimeError as error:
        raise RefusalError(f"/{said.name}: {error}.") from error


def _name(command: ScheduleCommand, said: Said) -> str:
    """Return a name that is made up: the same one at each attempt."""
    digest = hashlib.sha256(f"schedule/{said.message_id}".encode()).hexdigest()
    return f"{_WORDS[command.command]}-{digest[:8]}"


def _scheduled(command: ScheduleCommand) -> ScheduledCommand:
    match command.command:
        case Command.START | Command.STOP | Command.RESTART | Command.REMOVE as found:
            return found
        case _:
            raise AssertionError("the grammar reads no other command")


def _line(schedule: Schedule) -> str:
    servers = " ".join(schedule.ids or ()) if schedule.selector is None else f"label:{schedule.selector}"
    return f"{_WORDS[schedule.command]} {clip(servers, 200)} {when_text(schedule)}"
