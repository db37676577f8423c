"""The protocol between the portal and an agent: requests on ``provider.<name>.<verb>``, notices and streams.

An agent replies to each request within a few seconds. Work that takes longer goes on after the reply, and the
portal asks again: every verb is idempotent. ``docs/agents.md`` describes the protocol for other languages.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from opsroom_contracts.agents.records import NUMBER_MAX
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import (
    Condition,
    FailureCode,
    Labels,
    NetworkAddress,
    Reason,
    Resource,
    ServerName,
    TemplateName,
)
from opsroom_contracts.cloud.models import Progress
from opsroom_contracts.serialization.model import Identifier, Model, Sequence, Timestamp

OBSERVE_MAX = 100
"""The maximum number of servers in one request, page or notice."""
TAIL_MAX = 10_000
"""The maximum number of past lines of a log."""
LINE_MAX = 8_192
"""The maximum length of a log line, in characters; longer lines are cut."""
CHUNK_LINES_MAX = 200
"""The maximum number of lines in one message of a log stream."""
WINDOW = 16
"""How many messages of a stream an agent may be ahead of the last one that the portal has acknowledged."""
STREAM_SECONDS = 30
"""A stream ends if the portal has not asked for more for this long."""


class ServerRef(Model):
    """What an agent needs to know of a server. ``resource``: the provider's own id, if it was adopted."""

    id: Identifier
    name: ServerName
    labels: Labels = Field(default_factory=dict)
    template: TemplateName | None = None
    resource: Resource | None = None


class ApplyRequest(Model):
    """Do an operation, or report how far it is; sent again until the reply says ``done`` or ``failed``.

    ``command``: one of create, start, stop, restart, remove and adopt. ``start``: for create: start it, too.
    An agent that gets the same ``operation_id`` twice must not do the work twice, also after a restart.
    """

    operation_id: Identifier
    command: Command
    server: ServerRef
    start: bool = False


class ApplyStatus(StrEnum):
    """How far an operation is."""

    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class Observation(Model):
    """A server as the provider sees it. ``condition``: ``failed`` for one that has ended with an error."""

    id: Identifier
    state: InstanceState
    resource: Resource | None = None
    address: NetworkAddress | None = None
    condition: Literal[Condition.OK, Condition.FAILED] = Condition.OK
    reason: Reason | None = None


class ApplyReply(Model):
    """How far an operation is. ``observed``: the server after it; missing if it does not exist.

    ``failed`` is for a refusal of the provider that is certain. While the outcome is unknown, an agent
    replies ``working``. ``reason`` and ``code``: why it failed.
    """

    status: ApplyStatus
    observed: Observation | None = None
    progress: Progress | None = None
    reason: Reason | None = None
    code: FailureCode | None = None


class ObserveRequest(Model):
    """Look at ``servers``."""

    servers: Annotated[tuple[ServerRef, ...], Field(min_length=1, max_length=OBSERVE_MAX)]


class ObserveReply(Model):
    """What the provider sees. A server that is neither ``found`` nor ``gone`` could not be observed."""

    found: Annotated[tuple[Observation, ...], Field(max_length=OBSERVE_MAX)] = ()
    gone: Annotated[tuple[Identifier, ...], Field(max_length=OBSERVE_MAX)] = ()


class ProviderListRequest(Model):
    """Get a page of the provider's servers of this portal, sorted by id, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=OBSERVE_MAX)] = OBSERVE_MAX


class Listed(Observation):
    """A server in a list; ``name`` and ``template`` as when it was created, if the provider knows."""

    name: ServerName | None = None
    template: TemplateName | None = None


class ProviderListReply(Model):
    """A page of servers, without adopted ones; ``next``: the ``after`` of the next page, if there is one."""

    servers: Annotated[tuple[Listed, ...], Field(max_length=OBSERVE_MAX)] = ()
    next: Identifier | None = None


class AdoptableRequest(Model):
    """Get what the provider runs and no portal manages."""


class Adoptable(Model):
    """Something that can be adopted. ``name`` and ``description`` are the provider's."""

    resource: Resource
    name: Annotated[str, Field(max_length=255)]
    description: Annotated[str, Field(max_length=255)] | None = None
    state: InstanceState


class AdoptableReply(Model):
    """What can be adopted, sorted by name. ``more``: there is more than fits."""

    resources: Annotated[tuple[Adoptable, ...], Field(max_length=OBSERVE_MAX)] = ()
    more: bool = False


class LogsRequest(Model):
    """Begin to send a log as :class:`LogChunk` on ``provider.<name>.streams.<stream>``.

    ``tail``: how many past lines to begin with. ``follow``: go on with new ones.
    """

    server: ServerRef
    stream: Identifier
    tail: Annotated[int, Field(ge=0, le=TAIL_MAX)] = 200
    follow: bool = False


class StatsRequest(Model):
    """Begin to send :class:`StatsChunk`: the samples of the last 15 minutes, then new ones."""

    server: ServerRef
    stream: Identifier
    follow: bool = True


class StreamReply(Model):
    """The stream has begun."""


class MoreRequest(Model):
    """Acknowledge a stream up to message ``seq`` and keep it going; ``stop``: end it."""

    stream: Identifier
    seq: Sequence
    stop: bool = False


class MoreReply(Model):
    """``open``: whether the stream still exists."""

    open: bool


class LogSource(StrEnum):
    """Which output a line was written to."""

    STDOUT = "stdout"
    STDERR = "stderr"


class LogLine(Model):
    """One line of a log, without its end. ``at``: when it was written, if the provider knows."""

    text: Annotated[str, Field(max_length=LINE_MAX)]
    at: Timestamp | None = None
    source: LogSource = LogSource.STDOUT


class StreamChunk(Model):
    """One message of a stream, of at most 256 KB. ``seq`` counts from 1.

    ``end``: it is the last one; ``reason``: why. ``interrupted``: because the agent stops, so that readers
    may ask for it again.
    """

    seq: Annotated[int, Field(ge=1, le=NUMBER_MAX)]
    end: bool = False
    interrupted: bool = False
    reason: Reason | None = None


class LogChunk(StreamChunk):
    """Lines of a log, in order. ``skipped``: lines before these that the agent had to leave out."""

    lines: Annotated[tuple[LogLine, ...], Field(max_length=CHUNK_LINES_MAX)] = ()
    skipped: Annotated[int, Field(ge=0, le=NUMBER_MAX)] = 0


class StatsSample(Model):
    """The use of resources at one moment: ``cpu`` in cores, ``memory`` in bytes; limits if there are any."""

    at: Timestamp
    cpu: Annotated[float, Field(ge=0, le=NUMBER_MAX)]
    memory: Annotated[int, Field(ge=0, le=NUMBER_MAX)]
    cpu_limit: Annotated[float, Field(ge=0, le=NUMBER_MAX)] | None = None
    memory_limit: Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None = None


class StatsChunk(StreamChunk):
    """Samples in order of time."""

    samples: Annotated[tuple[StatsSample, ...], Field(max_length=CHUNK_LINES_MAX)] = ()


class ChangeNotice(Model):
    """A message on ``provider.<name>.changed``: servers that have changed, whatever the cause."""

    found: Annotated[tuple[Observation, ...], Field(max_length=OBSERVE_MAX)] = ()
    gone: Annotated[tuple[Identifier, ...], Field(max_length=OBSERVE_MAX)] = ()


CHANGE_NOTICE = TypeAdapter(ChangeNotice)
LOG_CHUNK = TypeAdapter(LogChunk)
STATS_CHUNK = TypeAdapter(StatsChunk)
