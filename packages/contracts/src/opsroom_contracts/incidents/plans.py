"""What a command of the chat comes to: stored before it is done, so that it is done once."""

from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Identity
from opsroom_contracts.incidents.calls import CommandWord
from opsroom_contracts.incidents.commands import SERVERS_MAX
from opsroom_contracts.serialization.model import Identifier, Model, RoomName, Timestamp
from opsroom_contracts.serialization.versions import StoredContract

MESSAGE_MAX: Final = 500
"""The maximum length of the reason in a result, in characters."""


ShownName = Annotated[str, Field(min_length=1, max_length=64)]


class PlannedStep(Model):
    """One request of a command. ``server``: a name or an id, as the request has it; ``name``: to show.

    ``operation``: the one to undo or to decide about; of other commands, the one that the request becomes.
    """

    server: Identifier | None = None
    name: ShownName | None = None
    operation: Identifier


class StepResult(Model):
    """The outcome of a step: ``instance_id`` and ``due_at`` of one that was accepted, else why it was not.

    ``is_awaiting``: it must be approved first, by one more person at least; ``due_at`` is when the wait ends.
    """

    instance_id: Identifier | None = None
    due_at: Timestamp | None = None
    is_awaiting: bool | None = None
    code: ErrorCode | None = None
    message: Annotated[str, Field(max_length=MESSAGE_MAX)] | None = None


class CommandPlan(Model):
    """The plan of the command of one message, on ``incidents.plans.<message id>``.

    It is written once before the first step, so that a process that does the command again does the same:
    a selector then selects what it selected first. ``results``: one for each step, in their order; missing
    until all are known. ``said_at``: when the command was stored.
    """

    version: Literal[1] = 1
    message_id: Identifier
    room: RoomName
    thread: Identifier | None = None
    name: CommandWord
    identity: Identity
    said_at: Timestamp
    steps: Annotated[tuple[PlannedStep, ...], Field(max_length=SERVERS_MAX)]
    results: Annotated[tuple[StepResult, ...], Field(max_length=SERVERS_MAX)] | None = None

    def accepted(self) -> tuple[int, ...]:
        """Return the places of the steps that were accepted."""
        results = self.results or ()
        return tuple(place for place, result in enumerate(results) if result.code is None)


class LastCommand(Model):
    """The last command of one identity in one place, on ``incidents.last.<digest>``, for ``/undo`` alone."""

    version: Literal[1] = 1
    message_id: Identifier


class OpenCommand(Model):
    """A command whose operations have not all ended, on ``incidents.open.<message id>``: its card changes."""

    version: Literal[1] = 1
    message_id: Identifier


COMMAND_PLAN = StoredContract(CommandPlan)
OPEN_COMMAND = StoredContract(OpenCommand)
LAST_COMMAND = StoredContract(LastCommand)
