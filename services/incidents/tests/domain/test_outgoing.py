"""Which stored events a webhook gets, and its signatures."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.rooms import RoomAccessReply, RoomKind
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.incidents.cards import Card, CardKind, CardStatus
from opsroom_contracts.incidents.escalations import EscalationRecord
from opsroom_contracts.incidents.webhooks import (
    CreateWebhookRequest,
    WebhookFilter,
    WebhookStart,
    WebhookTopic,
)
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import escalation_subject
from opsroom_incidents.domain import webhooks as rules
from opsroom_incidents.domain.outgoing import (
    SOURCES,
    Stored,
    event_id,
    outgoing,
    parse_event_id,
    sources_of,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TOPICS = st.sets(st.sampled_from(WebhookTopic), min_size=1).map(tuple)


def message(kind: CardKind | None = None, room: str = "general") -> Stored:
    card = None
    if kind is not None:
        card = Card(kind=kind, source="x", status=CardStatus.FIRING, title="Disk", changed_at=NOW)
    event = MessageEvent(
        id="m1", room=room, user=User(id="u1", name="ann"), text="hello", timestamp=NOW, card=card
    )
    return Stored("CHAT", "chat.events.general", 7, encode(event), NOW)


def server(type_: EventType, **labels: str) -> Stored:
    event = InstanceEvent(
        type=type_,
        instance_id="i1",
        operation_id="o1",
        command=Command.START,
        state=InstanceState.RUNNING,
        actor="ann",
        timestamp=NOW,
        labels=labels,
    )
    return Stored("CLOUD", "cloud.events.i1", 9, encode(event), NOW)


def types(stored: Stored, *topics: WebhookTopic, **more: object) -> list[str]:
    wanted = WebhookFilter.model_validate({"topics": topics, **more})
    found = outgoing(stored, wanted)
    return [] if found is None else [found.event.type]


@pytest.mark.parametrize(
    ("kind", "topic", "type_"),
    [
        (None, WebhookTopic.MESSAGES, "message.posted"),
        (CardKind.SERVERS, WebhookTopic.MESSAGES, "message.posted"),
        (CardKind.ALERT, WebhookTopic.ALERTS, "alert.firing"),
        (CardKind.DEPLOY, WebhookTopic.DEPLOYS, "deploy.firing"),
    ],
)
def test_a_message_is_of_one_topic(kind: CardKind | None, topic: WebhookTopic, type_: str) -> None:
    for one in WebhookTopic:
        assert types(message(kind), one) == ([type_] if one is topic else [])
    assert types(message(kind), *WebhookTopic) == [type_]


def test_rooms_and_labels_are_conditions() -> None:
    alert = message(CardKind.ALERT, room="ops")
    assert types(alert, WebhookTopic.ALERTS, rooms=("ops", "dev")) == ["alert.firing"]
    assert types(alert, WebhookTopic.ALERTS, rooms=("dev",)) == []
    started = server(EventType.STARTED, env="prod", tier="1")
    assert types(started, WebhookTopic.SERVERS, labels={"env": "prod"}) == ["server.started"]
    assert types(started, WebhookTopic.SERVERS, labels={"env": "prod", "tier": "2"}) == []
    assert types(server(EventType.WORKING), WebhookTopic.SERVERS) == []


@given(
    topics=TOPICS,
    data=st.binary(max_size=200),
    place=st.sampled_from([(one.stream, subject) for one in SOURCES for subject in one.subjects]),
)
def test_what_can_not_be_read_is_left_out(
    topics: tuple[WebhookTopic, ...], data: bytes, place: tuple[str, str]
) -> None:
    assert outgoing(Stored(*place, 1, data, NOW), WebhookFilter(topics=topics)) is None


@pytest.mark.parametrize(
    ("topic", "webhook", "rooms", "is_one"),
    [
        (WebhookTopic.ALERTS, "a" * 16, (), True),
        (WebhookTopic.ALERTS, "a" * 16, ("ops",), True),
        (WebhookTopic.ALERTS, "a" * 16, ("elsewhere",), False),
        (WebhookTopic.ALERTS, None, (), False),
        (WebhookTopic.INCIDENTS, "a" * 16, (), False),
    ],
)
def test_the_last_step_of_an_escalation_is_for_one_webhook(
    topic: WebhookTopic, webhook: str | None, rooms: tuple[str, ...], is_one: bool
) -> None:
    record = EscalationRecord(
        id="e" * 32,
        room="ops",
        card="digest",
        message_id="m1",
        generation=1,
        rota="r" * 16,
        name="Ops",
        since=NOW,
        changed_at=NOW,
        steps=3,
        webhook=webhook,
    )
    stored = Stored("INCIDENTS", escalation_subject(record.id), 3, encode(record), NOW)
    found = outgoing(stored, WebhookFilter(topics=(topic,), rooms=rooms))
    assert (found is not None) is is_one
    if found is not None:
        assert (found.event.type, found.room, found.webhook) == ("alert.escalated", "ops", webhook)


@given(topics=TOPICS)
def test_every_topic_has_a_stream(topics: tuple[WebhookTopic, ...]) -> None:
    found = sources_of(WebhookFilter(topics=topics))
    assert set(topics) <= {topic for source in found for topic in source.topics}
    assert all(source.topics & set(topics) for source in found)


@given(stream=st.sampled_from([one.stream for one in SOURCES]), seq=st.integers(1, 2**63 - 1))
def test_an_id_names_the_event(stream: str, seq: int) -> None:
    assert parse_event_id(event_id(stream, seq)) == (stream, seq)


@given(
    body=st.binary(max_size=300), keys=st.lists(st.integers(0, 10**9), min_size=1, max_size=2, unique=True)
)
def test_the_reference_accepts_each_signature(body: bytes, keys: list[int]) -> None:
    requests = [
        CreateWebhookRequest(request_id=f"{key:032}", url="https://x.example", filter=WEBHOOK) for key in keys
    ]
    secrets = [rules.secret_of(one) for one in requests]
    text = body.hex()
    moment = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "CHAT-7",
        "webhook-timestamp": str(moment),
        "webhook-signature": rules.signatures(secrets, "CHAT-7", moment, f'"{text}"'.encode()),
    }
    for secret in secrets:
        assert Webhook(secret).verify(f'"{text}"', headers) == text
    other = rules.secret_of(
        CreateWebhookRequest(request_id="z" * 32, url="https://x.example", filter=WEBHOOK)
    )
    with pytest.raises(Exception, match="signature"):
        Webhook(other).verify(f'"{text}"', headers)


WEBHOOK = WebhookFilter(topics=(WebhookTopic.ALERTS,))


@given(
    kind=st.sampled_from(RoomKind),
    member=st.booleans(),
    rooms=st.sets(st.sampled_from(["ops", "dev"])).map(tuple),
)
def test_nothing_private_unless_a_member_chose_it(
    kind: RoomKind, member: bool, rooms: tuple[str, ...]
) -> None:
    wanted = WebhookFilter(topics=(WebhookTopic.MESSAGES,), rooms=rooms)
    request = CreateWebhookRequest(request_id="k" * 32, url="https://x.example", filter=wanted)
    record = rules.new_webhook(request, (), NOW)
    is_public = kind in {RoomKind.OPEN, RoomKind.PUBLIC}
    allowed = rules.may_get(record, "ops", RoomAccessReply(kind=kind, member=member))
    assert allowed == (is_public or (member and "ops" in rooms))


def test_each_place_has_a_generation() -> None:
    request = CreateWebhookRequest(request_id="k" * 32, url="https://x.example", filter=WEBHOOK)
    record = rules.new_webhook(request, (WebhookStart(stream="CHAT", seq=3),), NOW)
    moved = rules.moved(
        rules.moved(record, WebhookStart(stream="CHAT", seq=1)), WebhookStart(stream="CLOUD", seq=5)
    )
    assert [(one.stream, one.seq, one.generation) for one in moved.starts] == [
        ("CHAT", 1, 1),
        ("CLOUD", 5, 0),
    ]
