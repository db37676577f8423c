"""Models of the audit log: who requested what, from where, and the outcome."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import OPERATOR_IDENTITY, Identity
from opsroom_contracts.serialization.model import Identifier, Model, Sequence, Timestamp, copy_fields
from opsroom_contracts.serialization.versions import PreviousVersion, StoredContract
from opsroom_contracts.subjects import audit_subject

AUDIT_PAGE_MAX = 200
"""The maximum number of entries on one page."""

ACTOR_MAX = 64
"""The maximum length of a caller's name, in characters; longer names are clipped."""
ADDRESS_MAX = 64
"""The maximum length of a network address, in characters; longer addresses are clipped."""
TARGET_MAX = 128
"""The maximum length of the target of an audit entry, in characters; longer targets are clipped."""

Address = Annotated[str, Field(max_length=ADDRESS_MAX)]
"""The network address of a caller, as text."""
OPERATOR = "operator"
"""The actor of a NATS request without a name: only the broker's operator can moderate over NATS."""


class Requester(Model):
    """The caller of a request, as identified by the gateway. ``address`` is missing for NATS requests.

    ``identity`` is also missing in requests of gateways of older releases.
    """

    name: Annotated[str, Field(min_length=1, max_length=ACTOR_MAX)] = OPERATOR
    address: Address | None = None
    identity: Identity | None = None


class AuditedAction(StrEnum):
    """Audited actions other than commands."""

    CANCEL = "cancel"
    APPROVE = "approve"
    """Approve a command of somebody else; ``reason`` is there if an admin did so alone."""
    DENY = "deny"
    REVOKE = "revoke"
    REMOVE_MESSAGE = "remove_message"
    MUTE = "mute"
    BAN = "ban"
    LIFT = "lift"
    LOCATE = "locate"
    """Look up the addresses of a user."""
    READ_LOG = "read_log"
    """Open the log of a server."""
    CHANGE = "change"
    """Change the name, labels or protection of a server with a request that was refused as a whole."""
    INVITE = "invite"
    WITHDRAW = "withdraw"
    """Withdraw an invitation."""
    LINK_DEVICE = "link_device"
    """Make a link for another device of one's own."""
    USE_LINK = "use_link"
    """Sign in with the link of an invitation or of another device."""
    CREATE_BOT = "create_bot"
    IMPORT = "import"
    """Import rooms and messages; once for each source and admin."""
    CREATE_HOOK = "create_hook"
    ROTATE_HOOK = "rotate_hook"
    """Give a hook another secret."""
    DELETE_HOOK = "delete_hook"
    CREATE_WEBHOOK = "create_webhook"
    CHANGE_WEBHOOK = "change_webhook"
    ROTATE_WEBHOOK = "rotate_webhook"
    """Give a webhook another secret."""
    REPLAY_WEBHOOK = "replay_webhook"
    """Deliver events to a webhook again."""
    DELETE_WEBHOOK = "delete_webhook"
    PUT_ROTA = "put_rota"
    """Make, replace or remove a rota."""
    SIGN_OUT = "sign_out"
    """Sign out of one device."""
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    """Remove a schedule."""
    BATCH = "batch"
    """Command several servers with one request, which was refused as a whole."""


AuditAction = Command | AuditedAction
"""An audited action."""

GATEWAY_ACTIONS: Final = frozenset({AuditedAction.LOCATE, AuditedAction.READ_LOG})
"""The actions that a gateway accepts itself; a service accepts all others."""


class AuditOutcome(StrEnum):
    """The outcome of an audited request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class _AuditFields(Model):
    version: int
    id: Identifier
    at: Timestamp
    outcome: AuditOutcome
    action: AuditAction
    actor: Annotated[str, Field(max_length=ACTOR_MAX)]
    address: Address | None = None
    target: Annotated[str, Field(max_length=TARGET_MAX)] | None = None
    operation_id: Identifier | None = None
    code: ErrorCode | None = None
    reason: Annotated[str, Field(max_length=1000)] | None = None


class AuditEntry(_AuditFields):
    """An audit entry, on ``audit.<outcome>.<id>``, or ``audit.accepted.gateway.<id>`` for those of gateways.

    ``actor`` is the caller's name as it was shown. ``identity``: who it was; missing in entries of older
    releases. ``address`` is missing for NATS requests. ``target``: the affected instance, operation, message,
    restriction or user. ``code``: the error code of a refusal. ``reason``: the error message of a refusal, or
    the moderator's reason.
    """

    version: Literal[2] = 2
    identity: Identity | None = None


class AuditEntryV1(_AuditFields):
    """An audit entry of releases without identities."""

    version: Literal[1] = 1


class AuditEntryView(AuditEntryV1):
    """An audit entry as served to admins; fields as in :class:`AuditEntry`."""

    identity: Identity | None = None


class AuditRecord(Model):
    """An entry and its sequence in the stream."""

    seq: Sequence
    entry: AuditEntryView


class AuditPage(Model):
    """Entries in ascending order of sequence.

    ``next`` is there if there may be more, however few entries the page has: the ``before`` of the next page,
    or the ``after`` if the request had one.
    """

    entries: tuple[AuditRecord, ...]
    next: Sequence | None = None


def caller_identity(identity: Identity | None, address: Address | None) -> Identity | None:
    """Return the identity to audit. Without an address, a request was sent over NATS, by the operator."""
    return OPERATOR_IDENTITY if identity is None and address is None else identity


def may_be_on(entry: AuditEntry, subject: str) -> bool:
    """Whether ``entry`` may be on ``subject``, which determines who can have stored it.

    Earlier releases stored what gateways accept on the subjects of services.
    """
    if subject == audit_subject(entry.outcome.value, entry.id, by_gateway=True):
        return entry.outcome is AuditOutcome.ACCEPTED and entry.action in GATEWAY_ACTIONS
    return subject == audit_subject(entry.outcome.value, entry.id)


def _upgrade_entry(old: AuditEntryV1) -> AuditEntry:
    return copy_fields(old, AuditEntry)


AUDIT_ENTRY = StoredContract(AuditEntry, {1: PreviousVersion(AuditEntryV1, _upgrade_entry)})
