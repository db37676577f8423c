"""The commands of servers, in one table: what each needs, what it leaves, its event, its route and its help.

A new command is a member of :class:`Command`, its event in :class:`EventType`, and a row of :data:`COMMANDS`.
NATS subjects, routes, audit actions, the command line, the client, the fault suite and the page's commands
follow from the row.
"""

from dataclasses import dataclass
from enum import StrEnum


class InstanceState(StrEnum):
    """Whether a server runs."""

    RUNNING = "running"
    STOPPED = "stopped"


class Command(StrEnum):
    """A command of a server."""

    CREATE = "create"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


class EventType(StrEnum):
    """What can happen to a server."""

    RECEIVED = "received"
    CREATED = "created"
    STARTED = "started"
    STOPPED = "stopped"
    REMOVED = "removed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    RETAINED = "retained"
    """Nothing happened: the last state is stored again before retention drops the event that holds it."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command.

    ``needs``: the states in which a server takes it; empty for ``create``, which makes the server.
    ``leaves``: the state when it is done; None: there is no server any more.
    ``method``, ``path``, ``summary`` and ``description``: its route under ``/api/v1/cloud``.
    ``name`` and ``help``: its command on the command line.
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
        description="It exists, stopped, when the operation is due.",
        help="Create a server; it is stopped at first.",
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
        description="It runs when the operation is due.",
        help="Start the server ID, which may be shortened.",
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
        description="It is stopped when the operation is due.",
        help="Stop the server ID, which may be shortened.",
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
        description="It is gone when the operation is due.",
        help="Remove the server ID, which may be shortened.",
    ),
)
COMMANDS: dict[Command, CommandSpec] = {spec.command: spec for spec in _TABLE}
"""Every command, in the order in which help and documents list them."""
