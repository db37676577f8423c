"""What an agent stores about itself in the ``AGENTS`` stream: its record and its lease."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.cloud.instances import ProviderName, TemplateName
from opsroom_contracts.serialization.model import Identifier, Model, Timestamp
from opsroom_contracts.serialization.versions import StoredContract

TEMPLATES_MAX = 100
"""The maximum number of templates of an agent."""
NUMBER_MAX = 2**53 - 1
"""The maximum of numbers that an agent sends: every language can count that far."""
LEASE_SECONDS = 15
"""An agent whose lease is older than this counts as away."""
RENEW_SECONDS = 5
"""How often an agent renews its lease."""
RECORD_SECONDS = 60
"""How often an agent stores its record again, so that "last seen" is that exact after it has gone."""


class AgentCapability(StrEnum):
    """What a provider can do beside ``apply``, ``observe`` and ``list``."""

    ADOPT = "adopt"
    LOGS = "logs"
    STATS = "stats"


class TemplateView(Model):
    """A template as clients see it. ``memory`` is in bytes, ``cpus`` in cores."""

    name: TemplateName
    description: Annotated[str, Field(max_length=200)] | None = None
    image: Annotated[str, Field(max_length=255)] | None = None
    memory: Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None = None
    cpus: Annotated[float, Field(ge=0, le=NUMBER_MAX)] | None = None
    protected: bool = False


class AgentRecord(Model):
    """The record on ``agents.records.<provider>``. Its time in the stream is when the agent was last seen.

    ``kind``: the sort of provider, such as ``docker``. ``process``: the id of the agent's process.
    """

    version: Literal[1] = 1
    name: ProviderName
    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    process: Identifier
    release: Annotated[str, Field(max_length=64)] | None = None
    host: Annotated[str, Field(max_length=255)] | None = None
    capabilities: tuple[AgentCapability, ...] = ()
    templates: Annotated[tuple[TemplateView, ...], Field(max_length=TEMPLATES_MAX)] = ()
    started_at: Timestamp


class AgentLease(Model):
    """The lease on ``agents.leases.<provider>``: the one process that acts for the provider.

    It is written with the last sequence of its subject as a guard, and with a lifetime of
    :data:`LEASE_SECONDS`. An agent that stops removes it by storing one with ``released``.
    """

    version: Literal[1] = 1
    process: Identifier
    released: bool = False


AGENT_RECORD = StoredContract(AgentRecord)
AGENT_LEASE = StoredContract(AgentLease)
