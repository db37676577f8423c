"""Request and response bodies of ``/api/v1`` that are not models of the chat or the cloud service."""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.agents.protocol import Adoptable
from opsroom_contracts.agents.records import TemplateView
from opsroom_contracts.audit import Address
from opsroom_contracts.chat.files import FileIds
from opsroom_contracts.chat.models import RawName, SentText, Token, User
from opsroom_contracts.chat.moderation import NewReason, Restriction, Seconds
from opsroom_contracts.chat.rooms import DIRECT_MAX, INVITED_MAX, Description, RawRoomName
from opsroom_contracts.cloud.approvals import VoteReason
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import (
    FailureCode,
    LabelChanges,
    Labels,
    ProviderName,
    Reason,
    Resource,
    ServerName,
)
from opsroom_contracts.cloud.models import Actor, Instance, Operation, Progress
from opsroom_contracts.cloud.requests import ProviderView, TemplateRef
from opsroom_contracts.cloud.schedules import (
    CronText,
    Schedule,
    ScheduledCommand,
    ScheduleName,
    SelectorText,
    ZoneName,
)
from opsroom_contracts.errors import Problem
from opsroom_contracts.gateways import AddressSeen
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, Sequence, Timestamp, TimestampBody

NAME_HEADER = "Opsroom-Name"
"""The author of a command without a token, in ``open`` mode: a name, with percent-encoded UTF-8."""


class NewUser(Model, defer_build=False):
    """Register a name; the default is the name in the token of the request.

    The validator is built eagerly, because the web framework needs it when routes are added.
    """

    name: RawName | None = None


class NewMute(Model, defer_build=False):
    """Mute ``name`` for ``seconds``, or until the mute is lifted: they can read but not send."""

    name: RawName
    seconds: Seconds | None = None
    reason: NewReason = None


class NewBan(Model, defer_build=False):
    """Ban a name or an address for ``seconds``, or until the ban is lifted."""

    name: RawName | None = None
    address: Address | None = None
    seconds: Seconds | None = None
    reason: NewReason = None


class NewRoom(Model, defer_build=False):
    """Create a room; you are its owner. ``private``: only those who are invited see it."""

    name: RawRoomName
    description: Description | None = None
    private: bool = False


class NewMessage(Model, defer_build=False):
    """Send a message. ``files``: ids of your uploads for this room; then the text may be empty.

    ``thread``: the id of the message that it replies to; ``broadcast``: the room shows the reply, too.

    The validator is not strict: see :class:`NewMembers`.
    """

    text: SentText
    files: Annotated[FileIds | None, Field(strict=False)] = None
    thread: Identifier | None = None
    broadcast: bool | None = None


class NewText(Model, defer_build=False):
    """Replace the text of a message; its files stay."""

    text: SentText


class NewRead(Model, defer_build=False):
    """Everything in the room up to ``seq`` is read."""

    seq: Sequence


class RoomPatch(Model, defer_build=False):
    """Change a room; what is missing stays, and an empty description removes it.

    An archived room can be read, but nobody can send.
    """

    name: RawRoomName | None = None
    description: Description | None = None
    archived: bool | None = None


# Not strict: the web framework validates values of Python, where JSON's list would not be a tuple.
class NewMembers(Model, defer_build=False):
    """Add people to a room, by their ids."""

    users: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=INVITED_MAX, strict=False)]


class NewDirectRoom(Model, defer_build=False):
    """Talk directly with one to seven people, by their ids. The same people always get the same room."""

    users: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=DIRECT_MAX - 1, strict=False)]


class RestrictionList(Model):
    """All mutes and bans in force, newest first."""

    restrictions: tuple[Restriction, ...]


class AddressList(Model):
    """Addresses from which a user is or was connected during the last day, latest first."""

    addresses: tuple[AddressSeen, ...]


class Registered(Model):
    """The new user and their token. The token is returned only once."""

    user: User
    token: Token


class InstanceList(Model):
    """All instances as of ``seq``; subscribe to later events with ``/api/v1/cloud/events?since=<seq>``.

    ``epoch``: that of the sequences. ``timestamp``: that of the event at ``seq``, if the server has it. Send
    both as parameters of the same names.
    """

    seq: Sequence
    epoch: Epoch | None = None
    timestamp: Timestamp | None = None
    instances: tuple[Instance, ...]


class OperationAccepted(Model):
    """An accepted command: it is stored and completes at ``dueAt``, or awaits approval until then."""

    operation: Operation


class NewApproval(Model, defer_build=False):
    """Approve a command. ``alone``: why an admin does so without the others, or as its author."""

    alone: VoteReason | None = None


class NewDenial(Model, defer_build=False):
    """Deny a command, and say why."""

    reason: VoteReason | None = None


class NewInstance(Model, defer_build=False):
    """Create a server, initially stopped; everything is optional. Without a template it is simulated."""

    name: ServerName | None = None
    template: TemplateRef | None = None
    labels: Labels | None = None
    start: bool = False


class InstancePatch(Model, defer_build=False):
    """Change a server's name, labels (null removes one) or protection; what is missing stays.

    The changes are made in the order of the fields, each as an operation with its own idempotency key:
    ``<key>/rename``, ``<key>/label``, ``<key>/protect`` or ``<key>/unprotect``.
    """

    name: ServerName | None = None
    labels: LabelChanges | None = None
    protected: bool | None = None


class InstanceChanged(Model):
    """The operations of a change, in the order in which they were done, and the server after them."""

    operations: tuple[Operation, ...]
    instance: Instance


class NewAdoption(Model, defer_build=False):
    """Take in ``resource``, which ``provider`` runs already."""

    provider: ProviderName
    resource: Resource
    name: ServerName | None = None
    labels: Labels | None = None


class AdoptableList(Model):
    """What a provider runs and no portal manages. ``more``: there is more than fits."""

    resources: tuple[Adoptable, ...]
    more: bool = False


BATCH_MAX = 100
"""The maximum number of servers that one request commands."""


# Not strict: the web framework validates values of Python, where JSON's list would not be a tuple.
_Targets = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=BATCH_MAX, strict=False)]


class BatchCommand(Model, defer_build=False):
    """Command several servers: those of ``ids`` (ids or names), or those that ``selector`` matches.

    ``selector``: labels that a server must have, such as ``env=prod,role=web``. The idempotency key of each
    server is ``<key>/<id>``, with the id as in the result.
    """

    command: Literal[Command.START, Command.STOP, Command.RESTART, Command.REMOVE]
    ids: _Targets | None = None
    selector: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class BatchResult(Model):
    """The outcome of the command for one server: an operation or a problem. ``id`` as in the request."""

    id: Identifier
    operation: Operation | None = None
    problem: Problem | None = None


class BatchResults(Model):
    """One result for each server, in the order of the request; of a selector, sorted by name."""

    results: tuple[BatchResult, ...]


class NewSchedule(Model, defer_build=False):
    """Give a command at a time (``at``), or again and again (``cron``, in the time zone ``zone``).

    For the servers of ``ids`` (ids or names), or those that have the labels of ``selector`` at that time.
    """

    name: ScheduleName
    command: ScheduledCommand
    ids: _Targets | None = None
    selector: SelectorText | None = None
    cron: CronText | None = None
    zone: ZoneName | None = None
    at: TimestampBody | None = None


class ScheduleMade(Model):
    """A schedule."""

    schedule: Schedule


class ScheduleList(Model):
    """All schedules, sorted by name."""

    schedules: tuple[Schedule, ...]


class ProviderTemplate(TemplateView):
    """A template, and the provider that has it."""

    provider: ProviderName


class TemplateList(Model):
    """All templates of connected providers, sorted by provider and name."""

    templates: tuple[ProviderTemplate, ...]


class ProviderList(Model):
    """All providers, sorted by name."""

    providers: tuple[ProviderView, ...]


class CloudEvent(Model):
    """The data of one event of ``GET /api/v1/cloud/events``.

    ``instance``: the instance after the event; missing if it no longer exists. ``reason``, in English, and
    ``reason_code``: why the operation failed. ``reason`` of ``denied`` and ``approved``: why somebody denied,
    or approved alone. ``operation_id`` and ``command`` are missing if no command
    caused the event. ``progress``: of ``working``.
    """

    seq: Sequence
    type: EventType
    instance_id: Identifier
    operation_id: Identifier | None = None
    command: Command | None = None
    state: InstanceState
    actor: Actor
    timestamp: Timestamp
    due_at: Timestamp | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None
    reason_code: FailureCode | None = None
    progress: Progress | None = None
    instance: Instance | None = None


CLOUD_HISTORY_MAX = 1000
"""The maximum number of events on one page of the history."""


class CloudHistory(Model):
    """Events in ascending order of sequence.

    ``next`` is there if there may be more, however few events the page has: the ``before`` of the next page.
    Older events than the retention are gone. ``epoch``: that of the sequences; a client drops a page of
    another epoch than that of its list.
    """

    events: tuple[CloudEvent, ...]
    next: Sequence | None = None
    epoch: Epoch | None = None


class ResetEvent(Model):
    """The data of the SSE event ``reset``: missed events can't be replayed; fetch the list again.

    ``epoch`` and ``timestamp``: as in the list.
    """

    seq: Sequence
    epoch: Epoch | None = None
    timestamp: Timestamp | None = None


class Health(Model):
    """Whether the process and its dependencies respond, and writes land; ``reason``: why not."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, bool] = Field(default_factory=dict)
    reason: str | None = None


class StreamEnd(Model):
    """The data of the SSE event ``end``: the log or the statistics have ended. ``reason``: why, in English.

    A stream that ends without it was interrupted, and the client should open it again.
    """

    reason: Reason | None = None


SSE_LOG = "log"
"""The SSE event name of a ``LogChunk`` of the protocol of agents; ``seq`` counts for one reader."""
SSE_STATS = "stats"
"""The SSE event name of a ``StatsChunk``; ``seq`` counts for one reader."""
SSE_END = "end"
"""The SSE event name of a :class:`StreamEnd`."""
SSE_CHANGE = "change"
"""The SSE event name of a :class:`CloudEvent`."""
SSE_RESET = "reset"
"""The SSE event name of a :class:`ResetEvent`."""
