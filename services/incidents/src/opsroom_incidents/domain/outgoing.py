"""Which stored event is which event of a webhook. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from opsroom_contracts import subjects
from opsroom_contracts.chat.events import (
    CHAT_EVENT,
    MessageEdited,
    MessageEvent,
    MessageRemoved,
    PinChanged,
    ReactionChanged,
    message_of,
)
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.incidents.cards import CardKind
from opsroom_contracts.incidents.escalations import ESCALATION
from opsroom_contracts.incidents.incidents import INCIDENT_RECORD, IncidentChangeView
from opsroom_contracts.incidents.webhooks import (
    CardData,
    EscalationData,
    EventData,
    IncidentData,
    MessageData,
    OutgoingEvent,
    RemovedData,
    ServerData,
    WebhookFilter,
    WebhookTopic,
)
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import copy_fields

_QUIET: Final = frozenset({EventType.RETAINED, EventType.WORKING})
"""Events that are no news: the last state stored again, and progress."""
_ESCALATION_PREFIX: Final = subjects.ESCALATIONS.removesuffix("*")
_CARD_MARK: Final = b'"card"'
_TOPIC_OF_CARD: Final = {
    CardKind.ALERT: (WebhookTopic.ALERTS, "alert"),
    CardKind.DEPLOY: (WebhookTopic.DEPLOYS, "deploy"),
}
_CARD_TOPICS: Final = frozenset(topic for topic, _ in _TOPIC_OF_CARD.values())


@dataclass(frozen=True, slots=True)
class Source:
    """A stream that has events of some topics. ``subjects``: what is read of it."""

    stream: str
    subjects: tuple[str, ...]
    topics: frozenset[WebhookTopic]


SOURCES: Final = (
    Source(subjects.CLOUD_STREAM, (subjects.CLOUD_EVENTS,), frozenset({WebhookTopic.SERVERS})),
    Source(subjects.CHAT_STREAM, (subjects.CHAT_EVENTS,), frozenset({*_CARD_TOPICS, WebhookTopic.MESSAGES})),
    Source(
        subjects.INCIDENTS_STREAM,
        (subjects.INCIDENT_RECORDS, subjects.ESCALATIONS),
        frozenset({WebhookTopic.INCIDENTS, WebhookTopic.ALERTS}),
    ),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as it lies on ``subject`` of ``stream``, stored at ``at``."""

    stream: str
    subject: str
    seq: int
    data: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that a webhook gets. ``room``: None: it is of no room. ``webhook``: None: all get it."""

    event: OutgoingEvent
    room: str | None = None
    webhook: str | None = None


def sources_of(wanted: WebhookFilter) -> tuple[Source, ...]:
    """Return the streams that have what a webhook gets."""
    return tuple(source for source in SOURCES if source.topics & set(wanted.topics))


def event_id(stream: str, seq: int) -> str:
    """Return the id of the event at a sequence of a stream."""
    return f"{stream}-{seq}"


def parse_event_id(event: str) -> tuple[str, int]:
    """Return the stream and the sequence of an event."""
    stream, _, seq = event.rpartition("-")
    return stream, int(seq)


def outgoing(stored: Stored, wanted: WebhookFilter) -> Outgoing | None:
    """Return what a webhook gets of a stored event; None: nothing, or this release can't read it.

    Whether it may get anything of the room is not known here.
    """
    try:
        match stored.stream:
            case subjects.CLOUD_STREAM:
                return _of_server(stored, wanted)
            case subjects.CHAT_STREAM:
                return _of_chat(stored, wanted)
            case _ if stored.subject.startswith(_ESCALATION_PREFIX):
                return _of_escalation(stored, wanted)
            case _:
                return _of_incident(stored, wanted)
    except ContractError:
        return None


def _of_server(stored: Stored, wanted: WebhookFilter) -> Outgoing | None:
    if WebhookTopic.SERVERS not in wanted.topics:
        return None
    event = INSTANCE_EVENT.read(stored.data)
    if event.type in _QUIET or not _has(wanted.labels, event.labels or {}):
        return None
    data = ServerData(event=cloud_event_of(event, stored.seq))
    return Outgoing(_event(stored, f"server.{event.type.value}", event.timestamp, data))


def _has(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _of_chat(stored: Stored, wanted: WebhookFilter) -> Outgoing | None:
    if WebhookTopic.MESSAGES not in wanted.topics and _CARD_MARK not in stored.data:
        return None  # most events end here, without being read
    event = CHAT_EVENT.read(stored.data)
    if wanted.rooms and event.room not in wanted.rooms:
        return None
    match event:
        case MessageEvent() | MessageEdited():
            return _of_message(stored, event, wanted)
        case MessageRemoved():
            if WebhookTopic.MESSAGES not in wanted.topics:
                return None
            data = RemovedData(room=event.room, message_id=event.id)
            return Outgoing(_event(stored, "message.removed", event.timestamp, data), event.room)
        case ReactionChanged() | PinChanged():
            return None
        case _:
            assert_never(event)


def _of_message(
    stored: Stored, event: MessageEvent | MessageEdited, wanted: WebhookFilter
) -> Outgoing | None:
    message = message_of(event, stored.seq)
    if event.imported is not None or message is None:
        return None
    topic, type_ = WebhookTopic.MESSAGES, "message.edited" if message.edited_at else "message.posted"
    data: CardData | MessageData = MessageData(room=event.room, message=message)
    if event.card is not None and event.card.kind in _TOPIC_OF_CARD:
        topic, prefix = _TOPIC_OF_CARD[event.card.kind]
        type_ = f"{prefix}.{event.card.status.value}"
        data = CardData(room=event.room, message_id=event.id, card=event.card)
    if topic not in wanted.topics:
        return None
    return Outgoing(_event(stored, type_, event.timestamp, data), event.room)


def _of_incident(stored: Stored, wanted: WebhookFilter) -> Outgoing | None:
    if WebhookTopic.INCIDENTS not in wanted.topics:
        return None
    record = INCIDENT_RECORD.read(stored.data)
    if wanted.rooms and record.room not in wanted.rooms:
        return None
    change = record.changes[-1]
    data = IncidentData(
        room=record.room,
        incident=record.id,
        status=record.status,
        lead=record.lead,
        card=record.card,
        change=copy_fields(change, IncidentChangeView),
    )
    return Outgoing(_event(stored, f"incident.{change.kind.value}", change.at, data), record.room)


def _of_escalation(stored: Stored, wanted: WebhookFilter) -> Outgoing | None:
    if WebhookTopic.ALERTS not in wanted.topics:
        return None
    record = ESCALATION.read(stored.data)
    if record.webhook is None or (wanted.rooms and record.room not in wanted.rooms):
        return None
    data = EscalationData(
        room=record.room,
        message_id=record.message_id,
        rota=record.name,
        since=record.since,
        called=record.mentioned,
    )
    event = _event(stored, "alert.escalated", record.changed_at, data)
    return Outgoing(event, record.room, record.webhook)


def _event(stored: Stored, type_: str, at: datetime, data: EventData) -> OutgoingEvent:
    return OutgoingEvent(id=event_id(stored.stream, stored.seq), type=type_, timestamp=at, data=data)
