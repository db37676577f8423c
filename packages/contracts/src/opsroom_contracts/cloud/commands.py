"""Table of instance commands: required states, resulting state, event, HTTP route and help text.

To add a command, add a member of :class:`Command`, its event to :class:`EventType`, and a row to
:data:`COMMANDS`. NATS subjects, routes, audit actions, the command line, the client, the fault tests and the
commands of the page are derived from the row.

Commands that change what is known about an instance, but not its state, are in :data:`IMMEDIATE`.
"""

from dataclasses import dataclass
from enum import StrEnum


class InstanceState(StrEnum):
    """The state of an instance."""

    RUNNING = "running"
    STOPPED = "stopped"


class Command(StrEnum):
    """A command for an instance."""

    CREATE = "create"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    REMOVE = "remove"
    ADOPT = "adopt"
    """Take in a server that a provider runs already."""
    PROTECT = "protect"
    UNPROTECT = "unprotect"
    RENAME = "rename"
    LABEL = "label"


class EventType(StrEnum):
    """The type of an instance event."""

    REQUESTED = "requested"
    """A command that must be approved; ``received`` follows when it is."""
    APPROVED = "approved"
    """Somebody approved a command; it goes on waiting if more must."""
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody decided about a command in time."""
    RECEIVED = "received"
    CREATED = "created"
    STARTED = "started"
    STOPPED = "stopped"
    RESTARTED = "restarted"
    REMOVED = "removed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    WORKING = "working"
    """The provider works on a due operation, or reports how far it is."""
    OBSERVED = "observed"
    """The instance was changed outside the portal."""
    LOST = "lost"
    """The instance has disappeared outside the portal."""
    ADOPTED = "adopted"
    PROTECTED = "protected"
    UNPROTECTED = "unprotected"
    RENAMED = "renamed"
    LABELED = "labeled"
    RETAINED = "retained"
    """No change: the last state is stored again before retention deletes the event that holds it."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """The definition of one command.

    ``done``: the event that completes it.
    ``needs``: the states in which it is valid; empty for ``create``.
    ``leaves``: the state after it; None if it removes the instance.
    ``method``, ``path``, ``summary`` and ``description``: its route under ``/api/v1/cloud``.
    ``name`` and ``help``: its subcommand on the command line.
    """

    command: Command
    done: EventType
    needs: frozenset[InstanceState]
    leaves: InstanceState | None
    method: str
    path: str
    name: str
    summary: str
    description: str
    help: str


_ANY = frozenset(InstanceState)
_TABLE = (
    CommandSpec(
        Command.CREATE,
        done=EventType.CREATED,
        needs=frozenset(),
        leaves=InstanceState.STOPPED,
        method="POST",
        path="/instances",
        name="create",
        summary="Create an instance",
        description="The instance exists, stopped, when the operation is due.",
        help="Create a server (initially stopped).",
    ),
    CommandSpec(
        Command.START,
        done=EventType.STARTED,
        needs=frozenset({InstanceState.STOPPED}),
        leaves=InstanceState.RUNNING,
        method="POST",
        path="/instances/{instance_id}/start",
        name="start",
        summary="Start an instance",
        description="The instance is running when the operation is due.",
        help="Start the servers ID, which may be shortened.",
    ),
    CommandSpec(
        Command.RESTART,
        done=EventType.RESTARTED,
        needs=frozenset({InstanceState.RUNNING}),
        leaves=InstanceState.RUNNING,
        method="POST",
        path="/instances/{instance_id}/restart",
        name="restart",
        summary="Restart an instance",
        description="The instance is running again when the operation is due.",
        help="Restart the servers ID, which may be shortened.",
    ),
    CommandSpec(
        Command.STOP,
        done=EventType.STOPPED,
        needs=frozenset({InstanceState.RUNNING}),
        leaves=InstanceState.STOPPED,
        method="POST",
        path="/instances/{instance_id}/stop",
        name="stop",
        summary="Stop an instance",
        description="The instance is stopped when the operation is due.",
        help="Stop the servers ID, which may be shortened.",
    ),
    CommandSpec(
        Command.REMOVE,
        done=EventType.REMOVED,
        needs=_ANY,
        leaves=None,
        method="DELETE",
        path="/instances/{instance_id}",
        name="rm",
        summary="Remove an instance",
        description="The instance is removed when the operation is due.",
        help="Remove the servers ID, which may be shortened.",
    ),
)
COMMANDS: dict[Command, CommandSpec] = {spec.command: spec for spec in _TABLE}
"""The commands of a lifecycle, in the order of help texts: each is valid after the one before it.

They take effect after the delay, in which they can be undone. :data:`Command.ADOPT` does too, but names no
instance.
"""

IMMEDIATE: dict[Command, EventType] = {
    Command.PROTECT: EventType.PROTECTED,
    Command.UNPROTECT: EventType.UNPROTECTED,
    Command.RENAME: EventType.RENAMED,
    Command.LABEL: EventType.LABELED,
}
"""The commands that need no provider and take effect at once, and the only event of each."""

DONE: dict[Command, EventType] = {
    **{spec.command: spec.done for spec in COMMANDS.values()},
    Command.ADOPT: EventType.ADOPTED,
    **IMMEDIATE,
}
"""The event that completes each command."""

CREATING = frozenset({Command.CREATE, Command.ADOPT})
"""The commands with which an instance begins; if one is undone or fails, there is no instance."""

UNDONE = frozenset({EventType.CANCELLED, EventType.FAILED, EventType.DENIED, EventType.EXPIRED})
"""The events that end an operation without effect."""

AWAITING = frozenset({EventType.REQUESTED, EventType.APPROVED})
"""The events after which an operation waits for approval, unless ``received`` follows."""
