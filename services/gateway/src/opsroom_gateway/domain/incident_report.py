"""The report of an incident, from the records of what happened. Pure: records in, lines out.

Each stream has its own sequences, so their records are merged by time. Within a stream the sequence
counts: the clocks of processes differ a little, and an answer must not stand before its question.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar, assert_never

from opsroom_contracts.audit import AuditOutcome, AuditRecord
from opsroom_contracts.chat.models import Message
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.instances import default_name
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.incidents.incidents import (
    ANNOUNCEMENT,
    IncidentChangeKind,
    IncidentChangeView,
)
from opsroom_contracts.incidents.posts import OPSROOM
from opsroom_contracts.incidents.report import IncidentReport, ReportKind, ReportLine
from opsroom_contracts.serialization.model import rfc3339

_SPECIAL: Final = frozenset("\\`*_[]()#<>|~!")
"""What a name could be misread by as Markdown."""

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event of a server with its sequence."""

    seq: int
    event: InstanceEvent


@dataclass(frozen=True, slots=True)
class Records:
    """What a report is made from, in any order; a record that is there twice counts once."""

    messages: tuple[Message, ...] = ()
    changes: tuple[IncidentChangeView, ...] = ()
    events: tuple[ServerEvent, ...] = ()
    audit: tuple[AuditRecord, ...] = ()


def is_announcement(message: Message) -> bool:
    """Whether a message says only what a change of the incident says, too."""
    return message.user.id == OPSROOM.id and (message.client_id or "").startswith(ANNOUNCEMENT)


def report_lines(records: Records) -> tuple[ReportLine, ...]:
    """Return a line for each record, except announcements of changes, in the order of events."""
    said = (one for one in records.messages if not is_announcement(one))
    sources = (
        [_change_line(one) for one in _once(records.changes, lambda one: one.number)],
        [_message_line(one) for one in _once(said, lambda one: one.seq)],
        [_event_line(one) for one in _once(records.events, lambda one: one.seq)],
        [_audit_line(one) for one in _once(records.audit, lambda one: one.seq)],
    )
    placed: list[tuple[datetime, int, int, ReportLine]] = []
    for source, lines in enumerate(sources):
        latest: datetime | None = None
        for place, line in enumerate(lines):
            latest = line.at if latest is None else max(latest, line.at)
            placed.append((latest, source, place, line))
    placed.sort(key=lambda one: one[:3])
    return tuple(line for *_, line in placed)


def markdown(report: IncidentReport) -> str:
    """Return a report as Markdown. What people wrote is quoted, so that it can't look like the report."""
    incident = report.incident
    lead = "nobody" if incident.lead is None else _plain(incident.lead.name)
    head = [
        f"# {_plain(incident.title or 'An incident whose first message was removed')}",
        "",
        f"- Status: {incident.status.value}",
        f"- Lead: {lead}",
        f"- Room: {_plain(incident.room)}",
        f"- Opened: {rfc3339(incident.opened_at)} by {_plain(incident.opened_by)}",
        f"- Last changed: {rfc3339(incident.changed_at)}",
        f"- Incident: {incident.id}",
        f"- Report made: {rfc3339(report.made_at)}; texts that were removed before are not here",
        "",
        "## Timeline",
        "",
    ]
    if report.left_out:
        head += [f"{report.left_out} older messages are left out.", ""]
    return "\n".join([*head, *map(_entry, report.lines), ""])


def _once(records: Iterable[RecordT], seq: Callable[[RecordT], int]) -> list[RecordT]:
    """Return the records by their sequence, each once."""
    found = {seq(one): one for one in records}
    return [found[number] for number in sorted(found)]


def _message_line(message: Message) -> ReportLine:
    kind = ReportKind.MESSAGE
    if message.card is not None:
        kind = ReportKind.CARD
    elif message.command is not None:
        kind = ReportKind.COMMAND
    files = [f"[file: {one.name}]" for one in message.files or ()]
    return ReportLine(
        kind=kind,
        at=message.timestamp,
        who=message.user.name,
        text="\n".join([*([message.text] if message.text else []), *files]),
        seq=message.seq,
        id=message.id,
        edited_at=message.edited_at,
        card_status=None if message.card is None else message.card.status,
    )


def _change_line(change: IncidentChangeView) -> ReportLine:
    return ReportLine(
        kind=ReportKind.CHANGE,
        at=change.at,
        who=change.by,
        text=_change_text(change),
        seq=change.number,
        change=change.kind,
        card_status=change.card_status,
    )


def _change_text(change: IncidentChangeView) -> str:
    match change.kind:
        case IncidentChangeKind.OPENED:
            return "opened the incident"
        case IncidentChangeKind.LEAD:
            return "took the lead"
        case IncidentChangeKind.ACKNOWLEDGED:
            return "acknowledged the incident"
        case IncidentChangeKind.CLOSED:
            return "closed the incident"
        case IncidentChangeKind.REOPENED:
            return "reopened the incident"
        case IncidentChangeKind.CARD:
            status = "changed" if change.card_status is None else change.card_status.value
            return f"reported: {status}"
        case _:
            assert_never(change.kind)


def _event_line(one: ServerEvent) -> ReportLine:
    event = one.event
    name = event.name or default_name(event.instance_id)
    what = "change" if event.command is None else event.command.value
    due = f", due at {rfc3339(event.due_at)}" if event.due_at is not None else ""
    pending = event.pending
    progress = None if event.type is not EventType.WORKING or pending is None else pending.progress
    done = f" ({progress.text})" if progress is not None and progress.text else ""
    reason = f": {event.reason}" if event.reason else ""
    return ReportLine(
        kind=ReportKind.OPERATION,
        at=event.timestamp,
        who=event.actor,
        text=f"{what} {name}: {event.type.value}{done}{due}{reason}",
        seq=one.seq,
        event=event.type,
        command=event.command,
        server=name,
        operation_id=event.operation_id,
    )


def _audit_line(record: AuditRecord) -> ReportLine:
    entry = record.entry
    target = f" {entry.target}" if entry.target else ""
    is_refused = entry.outcome is AuditOutcome.REFUSED
    code = f" ({entry.code.value})" if is_refused and entry.code is not None else ""
    return ReportLine(
        kind=ReportKind.AUDIT,
        at=entry.at,
        who=entry.actor,
        text=f"{entry.outcome.value}: {entry.action.value}{target}{code}",
        seq=record.seq,
        id=entry.id,
        action=entry.action,
        outcome=entry.outcome,
        operation_id=entry.operation_id,
    )


def _entry(line: ReportLine) -> str:
    head = f"- {rfc3339(line.at)} **{_plain(line.who)}** ({line.kind.value})"
    edited = "" if line.edited_at is None else f", edited {rfc3339(line.edited_at)}"
    if line.kind in {ReportKind.CHANGE, ReportKind.OPERATION, ReportKind.AUDIT}:
        return f"{head}: {_plain(line.text)}"
    quoted = "\n".join(f"  > {_harmless(part)}" for part in line.text.splitlines()) or "  >"
    return f"{head}{edited}:\n{quoted}"


def _plain(text: str) -> str:
    """Return a text as one line that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in " ".join(text.split()))


def _harmless(text: str) -> str:
    """Return a line without HTML; its Markdown stays."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
