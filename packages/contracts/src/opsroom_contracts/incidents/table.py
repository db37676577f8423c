"""The table of commands in the chat: permission, parameters and help of each.

Completion, ``/help``, the documentation, the gateway's authorization and the page's table derive from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.commands import CommandName


class Values(StrEnum):
    """What an argument is, by which a composer completes it."""

    SERVERS = "servers"
    """Several servers, or ``label:key=value``."""
    SERVER = "server"
    OPERATION = "operation"
    """A server with a pending operation, or an operation's id."""
    TEMPLATE = "template"
    NAME = "name"
    """A new name."""
    LABELS = "labels"
    LIFECYCLE = "lifecycle"
    """What to schedule (start, stop, restart or rm), or what to do with schedules: list or remove."""
    COMMAND = "command"
    """The name of any command."""
    COUNT = "count"
    TIME = "time"
    TEXT = "text"
    """The rest of the line as it is."""
    FLAG = "flag"
    """The keyword alone."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument. ``keyword``: the word before it. ``label``: how the help names it."""

    values: Values
    label: str
    required: bool = False
    keyword: str | None = None

    def __str__(self) -> str:
        """Return it as help texts show it."""
        words = " ".join(word for word in (self.keyword, self.label) if word)
        return words if self.required else f"[{words}]"


@dataclass(frozen=True, slots=True)
class ChatCommandSpec:
    """One row of the table.

    ``permission``: what its caller must be allowed. ``is_local``: the client answers it, to the caller only;
    the portal refuses it.
    """

    name: CommandName
    permission: Action
    parameters: tuple[Parameter, ...]
    help: str
    example: str
    is_local: bool = False

    @property
    def usage(self) -> str:
        """How the command is written."""
        return " ".join((f"/{self.name}", *map(str, self.parameters)))


_SERVERS: Final = Parameter(Values.SERVERS, "SERVER… | label:KEY=VALUE", required=True)
_SOME_SERVERS: Final = Parameter(Values.SERVERS, "SERVER… | label:KEY=VALUE")
_OPERATION: Final = Parameter(Values.OPERATION, "SERVER | OPERATION", required=True)
_QUERY: Final = Parameter(Values.TEXT, "QUERY", required=True)
_TITLE: Final = Parameter(Values.TEXT, "TITLE")
_REASON: Final = Parameter(Values.TEXT, "REASON")
_CREATE: Final = (
    Parameter(Values.TEMPLATE, "TEMPLATE"),
    Parameter(Values.NAME, "NAME", keyword="as"),
    Parameter(Values.LABELS, "label:KEY=VALUE"),
    Parameter(Values.FLAG, "", keyword="started"),
)
_SCHEDULE: Final = (
    Parameter(Values.LIFECYCLE, "start|stop|restart|rm | list | remove NAME", required=True),
    _SOME_SERVERS,
    Parameter(Values.TIME, "TIME", keyword="at"),
    Parameter(Values.TIME, "day|weekday|monday… at TIME", keyword="every"),
    Parameter(Values.TIME, "MINUTE HOUR DAY MONTH WEEKDAY", keyword="cron"),
    Parameter(Values.TEXT, "ZONE"),
    Parameter(Values.NAME, "NAME", keyword="as"),
)


def _servers(name: CommandName, help_text: str, example: str) -> ChatCommandSpec:
    return ChatCommandSpec(name, Action.COMMAND_SERVERS, (_SERVERS,), help_text, example)


_TABLE: Final = (
    ChatCommandSpec(
        CommandName.PS, Action.SEE_SERVERS, (_SOME_SERVERS,), "Show servers.", "/ps label:env=prod"
    ),
    ChatCommandSpec(
        CommandName.CREATE,
        Action.COMMAND_SERVERS,
        _CREATE,
        "Create a server.",
        "/create web-small as web-3 label:env=test started",
    ),
    _servers(CommandName.START, "Start servers.", "/start web-1 web-2"),
    _servers(CommandName.STOP, "Stop servers.", "/stop label:env=test"),
    _servers(CommandName.RESTART, "Restart servers.", "/restart web-1"),
    _servers(CommandName.REMOVE, "Remove servers.", "/rm web-3"),
    ChatCommandSpec(
        CommandName.LOGS,
        Action.SEE_LOGS,
        (Parameter(Values.SERVER, "SERVER", required=True), Parameter(Values.COUNT, "LINES")),
        "Show what a server wrote last, to everybody here.",
        "/logs web-1 50",
    ),
    ChatCommandSpec(
        CommandName.UNDO,
        Action.COMMAND_SERVERS,
        (_SOME_SERVERS,),
        "Undo what has not happened yet: for servers, or your last command here.",
        "/undo web-1",
    ),
    ChatCommandSpec(
        CommandName.APPROVE,
        Action.COMMAND_SERVERS,
        (_OPERATION, Parameter(Values.TEXT, "REASON", keyword="alone")),
        "Approve what waits for approval.",
        "/approve web-1",
    ),
    ChatCommandSpec(
        CommandName.DENY,
        Action.COMMAND_SERVERS,
        (_OPERATION, _REASON),
        "Deny what waits for approval.",
        "/deny web-1 not during the sale",
    ),
    ChatCommandSpec(
        CommandName.ACK,
        Action.CHAT,
        (Parameter(Values.TEXT, "NOTE"),),
        "Acknowledge the alert of this thread.",
        "/ack looking at it",
    ),
    ChatCommandSpec(
        CommandName.INCIDENT,
        Action.CHAT,
        (_TITLE,),
        "Open an incident: with a title, or in the thread where you say it.",
        "/incident Checkout is slow",
    ),
    ChatCommandSpec(
        CommandName.SCHEDULE,
        Action.COMMAND_SERVERS,
        _SCHEDULE,
        "Command servers later, once or again and again.",
        "/schedule stop label:env=test every weekday at 19:00 Europe/Berlin",
    ),
    ChatCommandSpec(
        CommandName.SEARCH,
        Action.CHAT,
        (_QUERY,),
        "Search; only you see the result.",
        "/search from:alice timeout",
        is_local=True,
    ),
    ChatCommandSpec(
        CommandName.HELP,
        Action.CHAT,
        (Parameter(Values.COMMAND, "COMMAND"),),
        "List the commands; only you see it.",
        "/help restart",
        is_local=True,
    ),
)
CHAT_COMMANDS: Final[dict[CommandName, ChatCommandSpec]] = {spec.name: spec for spec in _TABLE}
"""The commands in the order of help texts."""
