"""Rules of incidents: what an action changes, and what the thread says about it. Pure functions."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from opsroom_contracts.chat.models import Message, User
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.incidents.cards import (
    CARD_TITLE_MAX,
    Card,
    CardField,
    CardKind,
    CardStatus,
)
from opsroom_contracts.incidents.incidents import (
    CARD_CHANGES_MAX,
    CHANGES_MAX,
    Incident,
    IncidentAction,
    IncidentChange,
    IncidentChangeKind,
    IncidentRecord,
    IncidentStatus,
)
from opsroom_contracts.serialization.model import RoomName, to_milliseconds
from opsroom_contracts.text import clip
from opsroom_incidents.domain.operation_cards import SOURCE

_TICK: Final = timedelta(milliseconds=1)
_CARD_STATUS: Final = {
    IncidentStatus.OPEN: CardStatus.FIRING,
    IncidentStatus.ACKNOWLEDGED: CardStatus.ACKNOWLEDGED,
    IncidentStatus.CLOSED: CardStatus.RESOLVED,
}
_KINDS: Final = {
    IncidentAction.LEAD: IncidentChangeKind.LEAD,
    IncidentAction.ACKNOWLEDGE: IncidentChangeKind.ACKNOWLEDGED,
    IncidentAction.CLOSE: IncidentChangeKind.CLOSED,
    IncidentAction.REOPEN: IncidentChangeKind.REOPENED,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and when. ``user``: missing if only the name is known.

    ``request``: of :func:`request_digest`; a retry has the same.
    """

    by: str
    request: str
    at: datetime
    user: User | None = None


def request_digest(person: str, client_id: str) -> str:
    """Return what a record remembers of a request: the person's idempotency key, as 32 digits."""
    return hashlib.sha256(f"{person}\n{client_id}".encode()).hexdigest()[:32]


def unknown(incident_id: str) -> FaultError:
    """Return the refusal of a request about an incident that is not there, or that one may not see."""
    return refuse(ErrorCode.INCIDENT_UNKNOWN, f"there is no incident {incident_id}", field="id")


def opened(incident_id: str, room: RoomName, asked: Asked, card: CardStatus | None) -> IncidentRecord:
    """Return the record of a new incident. ``card``: the status of the card that it is about."""
    change = IncidentChange(
        number=0,
        kind=IncidentChangeKind.OPENED,
        by=asked.by,
        at=to_milliseconds(asked.at),
        request=asked.request,
    )
    is_acknowledged = card is CardStatus.ACKNOWLEDGED
    status = IncidentStatus.ACKNOWLEDGED if is_acknowledged else IncidentStatus.OPEN
    return IncidentRecord(id=incident_id, room=room, status=status, card=card, changes=(change,))


def made_by(record: IncidentRecord, request: str) -> IncidentChange | None:
    """Return the change that a request has made; None if it has made none."""
    return next((one for one in record.changes if one.request == request), None)


def numbered(record: IncidentRecord, number: int) -> IncidentChange | None:
    """Return the change with a number; None if the record does not keep it."""
    return next((one for one in record.changes if one.number == number), None)


def changed(record: IncidentRecord, action: IncidentAction, asked: Asked) -> IncidentRecord | None:
    """Return the incident after an action; None if it is so already.

    Raises:
        FaultError: ``invalid_request``: it is closed, or has changed too often.
    """
    status, lead = record.status, record.lead
    match action:
        case IncidentAction.LEAD:
            if status is IncidentStatus.CLOSED:
                raise refuse(ErrorCode.INVALID_REQUEST, "the incident is closed: reopen it first", field="id")
            lead, status = asked.user, IncidentStatus.ACKNOWLEDGED
        case IncidentAction.ACKNOWLEDGE:
            if status is IncidentStatus.OPEN:
                status = IncidentStatus.ACKNOWLEDGED
        case IncidentAction.CLOSE:
            status = IncidentStatus.CLOSED
        case IncidentAction.REOPEN:
            if status is IncidentStatus.CLOSED:
                status = IncidentStatus.OPEN if lead is None else IncidentStatus.ACKNOWLEDGED
        case _:
            assert_never(action)
    if (status, lead) == (record.status, record.lead):
        return None
    change = _change(record, _KINDS[action], asked.by, asked.at, asked.request)
    return record.model_copy(
        update={"status": status, "lead": lead, "changes": (*_kept(record.changes), change)}
    )


def card_changed(record: IncidentRecord, status: CardStatus, by: str, at: datetime) -> IncidentRecord | None:
    """Return the incident after its card got another status; None if that is known.

    ``at``: when the card changed, by which older reports are recognized. Who acknowledges an alert deals with
    it, so an open incident is acknowledged, too. What its source says never closes it: people do that.
    """
    request = request_digest("card", at.isoformat())
    if record.card is status or made_by(record, request) is not None:
        return None
    known = [one for one in record.changes if one.kind is IncidentChangeKind.CARD]
    is_acknowledged = status is CardStatus.ACKNOWLEDGED and record.status is IncidentStatus.OPEN
    update: dict[str, object] = {"card": status}
    if is_acknowledged:
        update["status"] = IncidentStatus.ACKNOWLEDGED
    if len(known) < CARD_CHANGES_MAX and len(record.changes) < CHANGES_MAX:
        change = _change(record, IncidentChangeKind.CARD, by, at, request)
        update["changes"] = (*record.changes, change.model_copy(update={"card_status": status}))
    return record.model_copy(update=update)


def _change(
    record: IncidentRecord, kind: IncidentChangeKind, by: str, at: datetime, request: str
) -> IncidentChange:
    """Return the next change: its time is after that of the one before, whichever process says it."""
    last = record.changes[-1]
    return IncidentChange(
        number=last.number + 1,
        kind=kind,
        by=by,
        at=max(to_milliseconds(at), last.at + _TICK),
        request=request,
    )


def _kept(changes: tuple[IncidentChange, ...]) -> tuple[IncidentChange, ...]:
    """Return the changes without the oldest one of the card, if there is no room for another one.

    Raises:
        FaultError: ``invalid_request``: people have made all of them.
    """
    if len(changes) < CHANGES_MAX:
        return changes
    oldest = next((one for one in changes if one.kind is IncidentChangeKind.CARD), None)
    if oldest is None:
        message = f"the incident has changed {CHANGES_MAX} times, which is the limit: open another one"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="id")
    return tuple(one for one in changes if one is not oldest)


def announcement(change: IncidentChange) -> str | None:
    """Return what the portal says in the thread about a change; None: nothing, because its card shows it."""
    match change.kind:
        case IncidentChangeKind.OPENED:
            return f"{change.by} opened an incident in this thread."
        case IncidentChangeKind.LEAD:
            return f"{change.by} took the lead."
        case IncidentChangeKind.ACKNOWLEDGED:
            return f"{change.by} acknowledged the incident."
        case IncidentChangeKind.CLOSED:
            return f"{change.by} closed the incident."
        case IncidentChangeKind.REOPENED:
            return f"{change.by} reopened the incident."
        case IncidentChangeKind.CARD:
            return None
        case _:
            assert_never(change.kind)


def new_card(key: str, title: str, at: datetime) -> Card:
    """Return the card of an incident that begins with nothing else. ``key``: the id of its command."""
    return Card(
        kind=CardKind.INCIDENT,
        key=key,
        source=SOURCE,
        status=CardStatus.FIRING,
        title=clip(title, CARD_TITLE_MAX),
        changed_at=at,
    )


def card_of(card: Card, record: IncidentRecord) -> Card | None:
    """Return the card of an incident as it is now; None if the card is another program's."""
    if card.kind is not CardKind.INCIDENT or card.source != SOURCE:
        return None
    fields = () if record.lead is None else (CardField(name="Lead", value=record.lead.name, short=True),)
    changed_at = record.changes[-1].at
    return card.model_copy(
        update={"status": _CARD_STATUS[record.status], "fields": fields, "changed_at": changed_at}
    )


def view_of(record: IncidentRecord, root: Message | None) -> Incident:
    """Return an incident as its readers see it. ``root``: the first message of its thread, if it is there."""
    card = None if root is None or root.card is None else root.card
    return Incident(
        id=record.id,
        room=record.room,
        title=None if root is None else title_of(root),
        seq=None if root is None else root.seq,
        status=record.status,
        lead=record.lead,
        card=None if card is None or card.kind is CardKind.INCIDENT else card.status,
        opened_at=record.changes[0].at,
        opened_by=record.changes[0].by,
        changed_at=record.changes[-1].at,
        replies=0 if root is None or root.replies is None else root.replies.replies,
    )


def title_of(root: Message) -> str | None:
    """Return the title of an incident: that of its card, or the first line of its message."""
    if root.card is not None:
        return root.card.title
    line = next((line.strip() for line in root.text.splitlines() if line.strip()), "")
    return clip(line, CARD_TITLE_MAX) if line else None
