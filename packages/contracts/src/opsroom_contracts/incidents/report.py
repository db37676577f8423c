"""The report of an incident: everything that happened, in the order in which it happened."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from opsroom_contracts.audit import AuditAction, AuditOutcome
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.incidents import Incident, IncidentChangeKind
from opsroom_contracts.serialization.model import Identifier, Model, Sequence, Timestamp


class ReportKind(StrEnum):
    """What a line of a report is about."""

    MESSAGE = "message"
    """What somebody said in the thread, as it is now."""
    COMMAND = "command"
    """A command that somebody said in the thread."""
    CARD = "card"
    """A card in the thread, or the one that the thread is about, as it is now."""
    CHANGE = "change"
    """A change of the incident."""
    OPERATION = "operation"
    """The outcome of a command: an event of a server."""
    AUDIT = "audit"
    """An entry of the audit log about these operations; only admins get them."""


class ReportLine(Model):
    """One line. ``who``: the name of who caused it, as it was shown. ``text``: what happened.

    ``id``: of the message, or of the audit entry. ``seq``: that of the stream of messages, of events of
    servers or of audit entries; a change has its number. ``edited_at``: the text was changed then.
    ``change``, ``card_status``: of a change. ``event``, ``command``, ``server``, ``operation_id``: of an
    operation; ``server`` is the name that it had then. ``action`` and ``outcome``: of an audit entry.
    """

    kind: ReportKind
    at: Timestamp
    who: str
    text: str
    seq: Sequence
    id: Identifier | None = None
    edited_at: Timestamp | None = None
    change: IncidentChangeKind | None = None
    card_status: CardStatus | None = None
    event: EventType | None = None
    command: Command | None = None
    server: str | None = None
    operation_id: Identifier | None = None
    action: AuditAction | None = None
    outcome: AuditOutcome | None = None


class IncidentReport(Model):
    """A report. ``made_at``: when; it says what is so at that moment, so removed texts are not there.

    ``left_out``: how many older messages of the thread a very long report has no room for.
    """

    incident: Incident
    made_at: Timestamp
    lines: tuple[ReportLine, ...]
    left_out: Annotated[int, Field(ge=0)] = 0
