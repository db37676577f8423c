"""Commands that are said in the chat, such as ``/restart web-1``: the closed union of them.

:mod:`opsroom_contracts.incidents.table` has the permission, the parameters and the help of each, and
:mod:`opsroom_contracts.incidents.grammar` reads them. To add a command, add a member of :class:`CommandName`,
a model of :data:`ChatCommand`, a row of the table, and the function that reads its arguments.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from opsroom_contracts.cloud.commands import Command

SERVERS_MAX: Final = 100
"""The maximum number of servers that one command names."""
LOG_LINES: Final = 20
"""How many lines ``/logs`` shows by default."""
LOG_LINES_MAX: Final = 100
"""The maximum number of lines that ``/logs`` shows."""
TITLE_MAX: Final = 200
"""The maximum length of an incident's title, in characters."""
NOTE_MAX: Final = 500
"""The maximum length of a reason or a note, in characters."""


class CommandName(StrEnum):
    """What follows the slash."""

    PS = "ps"
    CREATE = "create"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    REMOVE = "rm"
    LOGS = "logs"
    UNDO = "undo"
    APPROVE = "approve"
    DENY = "deny"
    ACK = "ack"
    INCIDENT = "incident"
    SCHEDULE = "schedule"
    SEARCH = "search"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Targets:
    """The servers of a command: either ``names`` (names or ids, each once) or ``selector``.

    ``selector`` is text as :func:`opsroom_contracts.cloud.selectors.read_selector` reads it.
    """

    names: tuple[str, ...] = ()
    selector: str | None = None


@dataclass(frozen=True, slots=True)
class ListServers:
    """``/ps``: show servers; without targets, all of them."""

    targets: Targets | None = None


@dataclass(frozen=True, slots=True)
class CreateServer:
    """``/create``: create a server, and with ``start`` start it afterwards."""

    template: str | None = None
    name: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    start: bool = False


@dataclass(frozen=True, slots=True)
class ChangeServers:
    """``/start``, ``/stop``, ``/restart`` and ``/rm``."""

    command: Command
    targets: Targets


@dataclass(frozen=True, slots=True)
class ShowLogs:
    """``/logs``: show the last ``lines`` of what a server wrote."""

    server: str
    lines: int = LOG_LINES


@dataclass(frozen=True, slots=True)
class Undo:
    """``/undo``: cancel what is pending for servers; without targets, the caller's last command here."""

    targets: Targets | None = None


@dataclass(frozen=True, slots=True)
class Approve:
    """``/approve``: approve the pending operation of a server, or the operation with this id.

    ``alone``: why an admin approves without anybody else.
    """

    target: str
    alone: str | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """``/deny``: deny what waits for approval."""

    target: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """``/ack``: acknowledge the alert in whose thread it is said."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """``/incident``: open an incident, with a title or in the thread in which it is said."""

    title: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleCommand:
    """``/schedule``: command servers later, once (``at``) or again and again (``cron``, five fields).

    ``at``: ``19:00`` or ``2026-11-30T19:00``, with or without an offset. ``zone``: an IANA time zone.
    ``name``: what to call the schedule; None: one is made up.
    """

    command: Command
    targets: Targets
    at: str | None = None
    cron: str | None = None
    zone: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ListSchedules:
    """``/schedule list``: show the schedules."""


@dataclass(frozen=True, slots=True)
class RemoveSchedule:
    """``/schedule remove``: remove a schedule."""

    name: str


@dataclass(frozen=True, slots=True)
class SearchFor:
    """``/search``: search messages and servers; the client shows the result to the caller only."""

    query: str


@dataclass(frozen=True, slots=True)
class Help:
    """``/help``: list the commands, or explain one; the client shows it to the caller only."""

    about: str | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """A command that a bot offers. ``arguments``: the rest of the line, which the bot reads itself."""

    name: str
    arguments: str = ""


ChatCommand = (
    ListServers
    | CreateServer
    | ChangeServers
    | ShowLogs
    | Undo
    | Approve
    | Deny
    | Acknowledge
    | OpenIncident
    | ScheduleCommand
    | ListSchedules
    | RemoveSchedule
    | SearchFor
    | Help
    | Custom
)
