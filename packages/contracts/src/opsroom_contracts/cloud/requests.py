"""Requests to the cloud service, and its replies."""

from typing import Annotated

from pydantic import Field

from opsroom_contracts.agents.records import AgentCapability, TemplateView
from opsroom_contracts.audit import Address
from opsroom_contracts.cloud.approvals import VoteReason
from opsroom_contracts.cloud.instances import (
    LabelChanges,
    Labels,
    ProviderName,
    Resource,
    ServerName,
)
from opsroom_contracts.cloud.models import Actor, Instance, Operation
from opsroom_contracts.identity import OPERATOR_IDENTITY, Identity, Role
from opsroom_contracts.serialization.model import ClientId, Epoch, Identifier, Model, Sequence, Timestamp

LIST_MAX = 1000
"""The maximum number of instances on one page of the list."""
ANONYMOUS = "anonymous"
PendingMax = Annotated[int, Field(ge=1)]
"""The caller's quota of pending operations; one more is refused with ``rate_limited``."""
KEY_PREFIX = "key/"
"""Prefix of a ``clientId`` that a client of ``/api/v1`` chose. Two identities may choose the same."""

TemplateRef = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,31}/)?[a-z0-9][a-z0-9-]{0,62}$")]
"""The name of a template, or ``provider/template`` if several providers have one of that name."""


class Caller(Model):
    """Who a request is for; part of every command. ``client_id`` is an idempotency key: a retry is harmless.

    ``identity`` has its own keys and its own quota of pending operations. ``owner``: of a bot, the identity
    of the person whose bot it is. ``may_await``: false if the command is refused when it must be approved,
    because the client can't know what that means.
    """

    client_id: ClientId | None = None
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    owner: Identity | None = None
    address: Address | None = None
    pending_max: PendingMax | None = None
    may_await: bool | None = None


class CreateRequest(Caller):
    """Create an instance, and start it afterwards if ``start`` is true.

    Without a template it is a simulated one. Without a name it gets one that is derived from its id.
    """

    name: ServerName | None = None
    template: TemplateRef | None = None
    labels: Labels | None = None
    start: bool | None = None


class AdoptRequest(Caller):
    """Take in ``resource``, which ``provider`` runs already; ``resource`` as in :class:`AdoptableReply`."""

    provider: ProviderName
    resource: Resource
    name: ServerName | None = None
    labels: Labels | None = None


class InstanceRequest(Caller):
    """A command for an existing instance. ``instance_id``: its id or its name; so in the other requests."""

    instance_id: Identifier


class RenameRequest(InstanceRequest):
    """Give an instance another name."""

    name: ServerName


class LabelRequest(InstanceRequest):
    """Change labels of an instance; a null removes the label.

    ``role``: that of the caller. Only admins may remove labels for which a command must be approved.
    """

    labels: LabelChanges
    role: Role | None = None


class CancelRequest(Model):
    """Cancel a pending operation. A repeated request returns the same reply.

    While the operation awaits approval, only its author can. ``owner``: as in :class:`Caller`.
    """

    operation_id: Identifier
    actor: Actor = ANONYMOUS
    identity: Identity | None = None
    owner: Identity | None = None
    address: Address | None = None


class ApproveRequest(CancelRequest):
    """Approve an operation. A repeated request of the same identity returns the same reply.

    ``role``: that of the caller; missing only in requests over NATS without an identity, which the broker's
    operator sends. ``alone``: why an admin approves without the others, or as the author.
    """

    role: Role | None = None
    alone: VoteReason | None = None


class DenyRequest(CancelRequest):
    """Deny an operation; otherwise as :class:`ApproveRequest`. ``reason``: why."""

    role: Role | None = None
    reason: VoteReason | None = None


def is_by_hand(request: Caller | CancelRequest) -> bool:
    """Return whether the broker's operator sent a request over NATS: it has no identity and no address."""
    return request.identity is None and request.address is None


def author_of(request: Caller | CancelRequest) -> str:
    """Return the name to show for a request. One that was sent over NATS without a name is the operator's."""
    anonymous = is_by_hand(request) and request.actor == ANONYMOUS
    return OPERATOR_IDENTITY if anonymous else request.actor


def identities_of(request: Caller | CancelRequest) -> frozenset[Identity]:
    """Return all identities that stand for the person behind a request; empty if none is known."""
    own = OPERATOR_IDENTITY if is_by_hand(request) else request.identity
    return frozenset(one for one in (own, request.owner) if one is not None)


class OperationReply(Model):
    """The operation, and the sequence of the ``CLOUD`` event that shows its status."""

    operation: Operation
    seq: Sequence


class OperationRequest(Model):
    """Get the status of an operation."""

    operation_id: Identifier


class ListRequest(Model):
    """Get a page of instances, sorted by id, after ``after``."""

    after: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=LIST_MAX)] = LIST_MAX


class ListReply(Model):
    """Instances as of ``seq``; ``next`` is the ``after`` of the next page, if there is one.

    ``epoch``: that of the sequence. Pages of different epochs don't belong together.
    """

    seq: Sequence
    epoch: Epoch | None = None
    instances: tuple[Instance, ...]
    next: Identifier | None = None


class ProvidersRequest(Model):
    """Get all providers and their templates."""


class ProviderView(Model):
    """A provider. ``connected``: whether its agent runs; ``seen_at``: when it was last seen.

    The simulated provider is always connected and has no ``seen_at``.
    """

    name: ProviderName
    kind: str
    connected: bool
    seen_at: Timestamp | None = None
    host: str | None = None
    version: str | None = None
    capabilities: tuple[AgentCapability, ...] = ()
    templates: tuple[TemplateView, ...] = ()


class ProvidersReply(Model):
    """All providers, sorted by name."""

    providers: tuple[ProviderView, ...]
