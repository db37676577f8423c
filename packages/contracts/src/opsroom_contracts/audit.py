"""The audit: who asked for what, from where, and what was answered."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.commands import Command
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.model import Identifier, Model, Sequence, Timestamp
from opsroom_contracts.versions import StoredContract

AUDIT_PAGE_MAX = 200
"""The most entries one page holds."""

Address = Annotated[str, Field(max_length=64)]
"""Where a request came from, as text."""
OPERATOR = "operator"
"""Who asks over NATS without a name: only the broker's operator may ask for moderation there."""


class Requester(Model):
    """Who asks, as the gateway knows it; ``address`` is missing for what came over NATS."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = OPERATOR
    address: Address | None = None


class AuditedAction(StrEnum):
    """What is audited besides commands."""

    CANCEL = "cancel"
    REVOKE = "revoke"
    REMOVE_MESSAGE = "remove_message"
    MUTE = "mute"
    BAN = "ban"
    LIFT = "lift"
    LOCATE = "locate"
    """Ask for somebody's address."""


AuditAction = Command | AuditedAction
"""What is audited."""


class AuditOutcome(StrEnum):
    """What was answered."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class AuditEntry(Model):
    """What ``audit.<outcome>.<id>`` holds.

    ``address`` is missing for what was asked over NATS; ``target`` is the instance, operation, message,
    restriction or person that was meant; ``code`` goes with a refusal; ``reason`` is why it was refused, or
    why somebody moderated.
    """

    version: Literal[1] = 1
    id: Identifier
    at: Timestamp
    outcome: AuditOutcome
    action: AuditAction
    actor: Annotated[str, Field(max_length=64)]
    address: Address | None = None
    target: Annotated[str, Field(max_length=128)] | None = None
    operation_id: Identifier | None = None
    code: ErrorCode | None = None
    reason: Annotated[str, Field(max_length=1000)] | None = None


class AuditRecord(Model):
    """An entry and its place in the stream."""

    seq: Sequence
    entry: AuditEntry


class AuditPage(Model):
    """Entries in ascending sequence; ask for what is before the first one, or after the last."""

    entries: tuple[AuditRecord, ...]


AUDIT_ENTRY = StoredContract(AuditEntry)
