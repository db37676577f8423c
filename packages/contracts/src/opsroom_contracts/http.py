"""Bodies of ``/api/v1`` that are not already a model of the chat or the cloud."""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.audit import Address
from opsroom_contracts.chat import RawName, Token, User
from opsroom_contracts.cloud import Actor, Instance, Operation
from opsroom_contracts.commands import Command, EventType, InstanceState
from opsroom_contracts.gateways import AddressSeen
from opsroom_contracts.model import Identifier, Model, Sequence, Timestamp
from opsroom_contracts.moderation import Reason, Restriction, Seconds


class NewUser(Model, defer_build=False):
    """Register a name; without one, that of the proof brought along.

    Built at once: the web framework reads bodies by it in a way that can't wait.
    """

    name: RawName | None = None


class NewMute(Model, defer_build=False):
    """Let ``name`` read and not speak, for ``seconds`` or until lifted."""

    name: RawName
    seconds: Seconds | None = None
    reason: Reason | None = None


class NewBan(Model, defer_build=False):
    """Keep a name or an address out, for ``seconds`` or until lifted."""

    name: RawName | None = None
    address: Address | None = None
    seconds: Seconds | None = None
    reason: Reason | None = None


class RestrictionList(Model):
    """All mutes and bans in force, the newest first."""

    restrictions: tuple[Restriction, ...]


class AddressList(Model):
    """From where somebody is connected or was in the last day, the latest first."""

    addresses: tuple[AddressSeen, ...]


class Registered(Model):
    """The new person and the token that proves it; told once, keep it."""

    user: User
    token: Token


class InstanceList(Model):
    """All instances as of ``seq``; follow ``/api/v1/cloud/events?since=<seq>`` from there."""

    seq: Sequence
    instances: tuple[Instance, ...]


class OperationAccepted(Model):
    """The command is stored and will be done at ``dueAt``."""

    operation: Operation


class CloudEvent(Model):
    """The data of one event of ``GET /api/v1/cloud/events``.

    ``instance``: the instance as the event left it; missing if it is gone.
    """

    seq: Sequence
    type: EventType
    instance_id: Identifier
    operation_id: Identifier
    command: Command
    state: InstanceState
    actor: Actor
    timestamp: Timestamp
    due_at: Timestamp | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None
    instance: Instance | None = None


class ResetEvent(Model):
    """The data of the SSE event ``reset``: what was missed can't be told, fetch the list anew."""

    seq: Sequence


class Health(Model):
    """Whether the process, and what it needs, answers."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, bool] = Field(default_factory=dict)


SSE_CHANGE = "change"
"""The SSE event name of a :class:`CloudEvent`."""
SSE_RESET = "reset"
"""The SSE event name of a :class:`ResetEvent`."""
