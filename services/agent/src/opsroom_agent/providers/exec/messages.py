"""What a program reads on its standard input, and what it prints: one JSON value a line."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from opsroom_contracts.agents.protocol import Adoptable, ServerRef
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import (
    Condition,
    FailureCode,
    NetworkAddress,
    Reason,
    ServerName,
    TemplateName,
)
from opsroom_contracts.cloud.models import Progress
from opsroom_contracts.serialization.codec import contract_of
from opsroom_contracts.serialization.model import Identifier, Model


class ProgramRequest(Model):
    """The input of a program; which fields there are depends on the verb.

    ``settings``: those of the server's template. ``again``: an earlier run for the same operation has begun,
    and its outcome is unknown. ``tail`` and ``follow``: as in :class:`LogsRequest`.
    """

    portal: Identifier
    server: ServerRef | None = None
    operation_id: Identifier | None = None
    command: Command | None = None
    start: bool | None = None
    again: bool | None = None
    settings: dict[str, JsonValue] | None = None
    tail: int | None = None
    follow: bool | None = None


class _Described(Model):
    address: NetworkAddress | None = None
    condition: Literal[Condition.OK, Condition.FAILED] = Condition.OK
    reason: Reason | None = None


class ProgramState(_Described):
    """The last line of ``apply`` and ``observe``: a server, which may be ``gone``."""

    state: Literal[InstanceState.RUNNING, InstanceState.STOPPED, "gone"]


class ProgramListed(_Described):
    """A server in the last line of ``list``."""

    id: Identifier
    state: InstanceState
    name: ServerName | None = None
    template: TemplateName | None = None


class ProgramList(Model):
    """The last line of ``list``: the servers of this portal, without adopted ones, in any order."""

    servers: tuple[ProgramListed, ...]


class ProgramAdoptable(Model):
    """The last line of ``adoptable``: what runs and no portal manages, in any order."""

    resources: tuple[Adoptable, ...]


class ProgramSample(Model):
    """A line of ``stats``: cores and bytes in use now. The agent adds the time."""

    cpu: Annotated[float, Field(ge=0)]
    memory: Annotated[int, Field(ge=0)]
    cpu_limit: Annotated[float, Field(ge=0)] | None = None
    memory_limit: Annotated[int, Field(ge=0)] | None = None


class ProgramFailure(Model):
    """The last line of a program that fails; without one, the last line of its errors is the reason."""

    reason: Reason
    code: FailureCode = FailureCode.PROVIDER_ERROR


PROGRESS = contract_of(Progress)
STATE = contract_of(ProgramState)
LIST = contract_of(ProgramList)
ADOPTABLE = contract_of(ProgramAdoptable)
SAMPLE = contract_of(ProgramSample)
FAILURE = contract_of(ProgramFailure)
