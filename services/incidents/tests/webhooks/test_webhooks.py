"""Webhooks: what a receiver gets, in which order, and what happens if it does not take it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.incidents.webhooks import DisabledReason, WebhookFilter, WebhookTopic
from opsroom_contracts.subjects import INCIDENTS_STREAM, WEBHOOKS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_testkit.waiting import until
from services.chat.tests.harness import Chat, refusal
from services.chat.tests.harness import service as chat_service
from services.chat.tests.rooms import Rooms
from services.cloud.tests.harness import Cloud
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import SECONDS, service
from services.incidents.tests.hooks import Hooks
from services.incidents.tests.test_hooks import audit_entries
from services.incidents.tests.webhooks.admin import ALERTS, FAST, Admin
from services.incidents.tests.webhooks.receiver import Answer, Receiver, receiver

DOWN = {"title": "Backup failed", "key": "backup", "status": "down"}


@pytest.fixture
async def got() -> AsyncIterator[Receiver]:
    """A receiver that has found nothing wrong at the end."""
    async with receiver() as made:
        yield made
        assert made.problems == []


@pytest.fixture
async def portal(broker: NatsConnection) -> AsyncIterator[None]:
    """Running services that post to this machine."""
    async with chat_service(broker), cloud_service(broker), service(broker, **FAST):
        yield


@pytest.fixture
async def alerts(broker: NatsConnection, portal: None) -> "Alerts":
    """A hook that turns reports into cards."""
    hooks = Hooks(broker)
    return Alerts(hooks, (await hooks.create()).secret)


class Alerts:
    """Somebody who reports alerts to a hook."""

    def __init__(self, hooks: Hooks, secret: str) -> None:
        self._hooks = hooks
        self._secret = secret

    async def fire(self, *keys: str) -> None:
        """Report a new alert for each key."""
        for key in keys:
            await self._hooks.post(self._secret, {**DOWN, "key": key, "title": key})


async def until_got(got: Receiver, count: int) -> None:
    """Wait until the receiver has taken this number of events."""
    await until(lambda: len(set(got.accepted)) >= count, SECONDS)


async def test_a_signed_event_says_what_happened(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    made = await Admin(broker).create(got.url)
    got.secrets.append(made.secret)
    await alerts.fire("disk")
    await until_got(got, 1)
    request = got.requests[0]
    stream, _, seq = request.id.rpartition("-")
    assert (stream, int(seq) > 0) == ("CHAT", True)
    assert request.headers["content-type"] == "application/json"
    assert (request.body["version"], request.body["id"], request.body["type"]) == (
        1,
        request.id,
        "alert.firing",
    )
    card = request.body["data"]["card"]
    assert (card["title"], request.body["data"]["room"]) == ("disk", "general")


async def test_each_topic_gets_its_own(broker: NatsConnection, alerts: Alerts, got: Receiver) -> None:
    admin, chat = Admin(broker), Chat(broker)
    made = await admin.create(
        got.url, WebhookFilter(topics=(WebhookTopic.SERVERS, WebhookTopic.MESSAGES), labels={"env": "prod"})
    )
    got.secrets.append(made.secret)
    await chat.lease("g1")
    ann = await chat.present("Ann")
    request = SendRequest(user_id=ann.user.id, client_id="1", room="general", text="hello")
    await chat.requester.request(endpoints.SEND, request)
    await alerts.fire("disk")
    cloud = Cloud(broker)
    for env in ("test", "prod"):
        await cloud.create(name=f"web-{env}", labels={"env": env})
    await until_got(got, 2)
    await until(lambda: "server.received" in got.types, SECONDS)
    assert sorted(set(got.types)) == ["message.posted", "server.received"]
    server = next(one for one in got.requests if one.body["type"] == "server.received")
    assert server.body["data"]["event"]["instance"]["name"] == "web-prod"
    text = next(one for one in got.requests if one.body["type"] == "message.posted")
    assert text.body["data"]["message"]["text"] == "hello"


async def test_private_rooms_must_be_named_by_a_member(
    broker: NatsConnection, portal: None, got: Receiver
) -> None:
    admin, chat = Admin(broker), Chat(broker)
    await chat.lease("g1")
    ann, bob = await chat.present("Ann"), await chat.present("Bob")
    rooms = Rooms(chat.requester)
    room = await rooms.create(ann.user.id, "secret", private=True)
    wanted = WebhookFilter(topics=(WebhookTopic.MESSAGES,), rooms=(room.id, "general"))
    refused = await refusal(admin.create(got.url, wanted, creator=bob.user.id))
    assert (refused.code, refused.field) == ("room_unknown", "rooms")
    assert (await refusal(admin.create(got.url, wanted))).code == "room_unknown"
    everything = WebhookFilter(topics=(WebhookTopic.MESSAGES,))
    for made in (
        await admin.create(got.url, wanted, creator=ann.user.id),
        await admin.create(got.url, everything, creator=ann.user.id),
    ):
        got.secrets.append(made.secret)

    async def say(text: str, where: str, who: str) -> None:
        request = SendRequest(user_id=who, client_id=text, room=where, text=text)
        await chat.requester.request(endpoints.SEND, request)

    await say("one", room.id, ann.user.id)
    await say("two", "general", ann.user.id)
    await until(lambda: len(got.requests) >= 3, SECONDS)
    texts = sorted(one.body["data"]["message"]["text"] for one in got.requests)
    assert texts == ["one", "two", "two"]  # the second webhook did not get what is private
    await rooms.invite(ann.user.id, room.id, bob.user.id)
    await rooms.leave(ann.user.id, room.id)
    await say("three", room.id, bob.user.id)
    await say("four", "general", bob.user.id)
    await until(lambda: len(got.requests) >= 5, SECONDS)
    texts = sorted(one.body["data"]["message"]["text"] for one in got.requests)
    assert texts == ["four", "four", "one", "two", "two"]


async def test_what_a_dead_receiver_misses_comes_later_in_order(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    admin = Admin(broker)
    made = await admin.create(got.url)
    got.secrets.append(made.secret)
    got.usual = Answer(None)
    await alerts.fire("a", "b", "c")
    failing = await admin.until_state("failing")
    assert failing.failing_event is not None
    assert failing.next_attempt_at is not None
    await until(lambda: len(got.requests) >= 4, SECONDS)
    assert len(set(got.ids)) == 1, "nothing overtakes what fails"
    got.usual = Answer()
    await until_got(got, 3)
    assert got.accepted == sorted(got.accepted, key=lambda one: int(one.rpartition("-")[2]))
    assert [one.body["data"]["card"]["title"] for one in got.requests[-3:]] == ["a", "b", "c"]
    active = await admin.until_state("active")
    assert active.delivered_at is not None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(302, ("Location: http://127.0.0.1:9/",)),
        Answer(400, body=b"\xff\x00garbage"),
        Answer(None),
        Answer(503, body=b"x" * 200_000),
    ],
    ids=["error", "redirect", "garbage", "reset", "huge"],
)
async def test_only_success_counts(
    broker: NatsConnection, alerts: Alerts, got: Receiver, answer: Answer
) -> None:
    made = await Admin(broker).create(got.url)
    got.secrets.append(made.secret)
    got.answers += [answer, answer]
    await alerts.fire("disk", "memory")
    await until_got(got, 2)
    assert got.ids == [got.ids[0]] * 3 + [got.ids[3]]
    numbers = [int(one.headers["webhook-timestamp"]) for one in got.requests]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    "answer",
    [Answer(200, body=b"x" * 200_000), Answer(204), Answer(200, ("Content-Type: x",), b"\xff\x00")],
    ids=["huge", "empty", "garbage"],
)
async def test_success_counts_whatever_the_body_is(
    broker: NatsConnection, alerts: Alerts, got: Receiver, answer: Answer
) -> None:
    made = await Admin(broker).create(got.url)
    got.secrets.append(made.secret)
    got.usual = answer
    await alerts.fire("disk", "memory")
    await until_got(got, 2)
    assert len(got.ids) == len(set(got.ids))


async def test_a_slow_receiver_is_left_and_asked_again(broker: NatsConnection, got: Receiver) -> None:
    async with (
        chat_service(broker),
        cloud_service(broker),
        service(broker, **{**FAST, "webhook_seconds": 0.3}),
    ):
        hooks = Hooks(broker)
        alerts = Alerts(hooks, (await hooks.create()).secret)
        made = await Admin(broker).create(got.url)
        got.secrets.append(made.secret)
        got.answers += [Answer(slow=True), Answer(slow=True)]
        await alerts.fire("disk")
        await until_got(got, 1)
        assert len(got.ids) >= 3
        assert len(set(got.ids)) == 1


async def test_a_receiver_that_is_gone_disables_its_webhook(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    admin = Admin(broker)
    made = await admin.create(got.url)
    got.secrets.append(made.secret)
    got.answers.append(Answer(410))
    await alerts.fire("a", "b")
    disabled = await admin.until_state("disabled")
    assert disabled.disabled_reason is DisabledReason.GONE
    assert disabled.problem is not None
    assert "410" in disabled.problem
    assert got.accepted == []
    assert (await admin.change(made.webhook, enabled=True)).state.value == "active"
    await until_got(got, 2)
    assert [one.body["data"]["card"]["title"] for one in got.requests] == ["a", "a", "b"]


async def test_retry_after_is_honoured(broker: NatsConnection, alerts: Alerts, got: Receiver) -> None:
    admin = Admin(broker)
    made = await admin.create(got.url)
    got.secrets.append(made.secret)
    got.answers.append(Answer(503, ("Retry-After: 100000",)))
    await alerts.fire("disk")
    failing = await admin.until_state("failing")
    assert failing.failing_since is not None
    assert failing.next_attempt_at is not None
    waits = (failing.next_attempt_at - failing.failing_since).total_seconds()
    assert 0.4 <= waits <= 0.6, "as long as the setting allows, and not longer"


async def test_two_signatures_while_a_secret_is_replaced(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    admin = Admin(broker)
    first = await admin.create(got.url)
    second = await admin.rotate(first.webhook, key="r" * 32)
    assert await admin.rotate(first.webhook, key="r" * 32) == second
    assert len(second.webhook.secrets) == 2
    for number, secret in enumerate((first.secret, second.secret), start=1):
        got.secrets = [secret]
        await alerts.fire(f"k{number}")
        await until_got(got, number)
    assert got.requests[0].headers["webhook-signature"].count("v1,") == 2
    third = await admin.rotate(first.webhook, seconds=0)
    got.secrets = [third.secret]
    await alerts.fire("k3")
    await until_got(got, 3)
    assert got.requests[-1].headers["webhook-signature"].count("v1,") == 1


async def test_events_are_delivered_again_from_one_on(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    admin = Admin(broker)
    made = await admin.create(got.url)
    got.secrets.append(made.secret)
    await alerts.fire("a", "b", "c")
    await until_got(got, 3)
    await admin.replay(made.webhook, got.ids[1])
    await until(lambda: len(got.requests) >= 5, SECONDS)
    assert got.ids[3:] == got.ids[1:3]
    too_late = await refusal(admin.replay(made.webhook, "CHAT-999999"))
    assert (too_late.code, too_late.field) == ("invalid_request", "start")
    assert (await refusal(admin.replay(made.webhook, "FILES-1"))).field == "start"


async def test_an_event_that_fails_can_be_left_out_or_tried_at_once(
    broker: NatsConnection, got: Receiver
) -> None:
    slow = {**FAST, "webhook_retry_seconds": 3600.0, "webhook_retry_max_seconds": 3600.0}
    async with chat_service(broker), cloud_service(broker), service(broker, **slow):
        hooks, admin = Hooks(broker), Admin(broker)
        alerts = Alerts(hooks, (await hooks.create()).secret)
        made = await admin.create(got.url)
        got.secrets.append(made.secret)
        got.answers += [Answer(400), Answer(400)]
        await alerts.fire("a", "b")
        failing = await admin.until_state("failing")
        await admin.replay(made.webhook)
        await until(lambda: len(got.requests) >= 2, SECONDS)
        await admin.until_state("failing")
        assert failing.failing_event is not None
        stream, _, seq = failing.failing_event.rpartition("-")
        await admin.replay(made.webhook, f"{stream}-{int(seq) + 1}")
        await until_got(got, 1)
        assert [one.body["data"]["card"]["title"] for one in got.requests] == ["a", "a", "b"]


async def test_what_happens_while_disabled_comes_when_enabled(
    broker: NatsConnection, alerts: Alerts, got: Receiver
) -> None:
    admin = Admin(broker)
    made = await admin.create(got.url)
    got.secrets.append(made.secret)
    disabled = await admin.change(made.webhook, enabled=False)
    assert (disabled.state.value, disabled.disabled_reason) == ("disabled", DisabledReason.ADMIN)
    await alerts.fire("a", "b")
    await admin.change(made.webhook, enabled=True)
    await until_got(got, 2)
    await admin.delete(made.webhook)
    assert await admin.all() == []
    assert (await refusal(admin.change(made.webhook, enabled=True))).code == "webhook_unknown"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "https://10.0.0.1/", "https://localhost/x", "https:///x"]
)
async def test_private_addresses_are_refused(broker: NatsConnection, url: str) -> None:
    async with chat_service(broker), service(broker):
        refused = await refusal(Admin(broker).create(url))
        assert (refused.code, refused.field) == ("invalid_request", "url")
        assert await Admin(broker).all() == []


async def test_a_name_that_leads_to_a_private_address_gets_nothing(
    broker: NatsConnection, got: Receiver
) -> None:
    """The name passes when the webhook is made; what it leads to is checked when it is connected to."""
    async with chat_service(broker), cloud_service(broker), service(broker, **FAST):
        made = await Admin(broker).create(got.url.replace("127.0.0.1", "localhost"))
    async with (
        chat_service(broker),
        cloud_service(broker),
        service(broker, **{**FAST, "webhook_private": False}),
    ):
        hooks, admin = Hooks(broker), Admin(broker)
        await Alerts(hooks, (await hooks.create()).secret).fire("a")
        failing = await admin.until_state("failing")
        assert failing.id == made.webhook.id
        assert failing.problem is not None
        assert "private network" in failing.problem
    assert got.requests == []


async def test_changes_are_in_the_audit_log_without_secrets(broker: NatsConnection, tmp_path: Path) -> None:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    async with chat_service(broker), cloud_service(broker), service(broker):
        admin = Admin(broker)
        made = await admin.create("https://example.org/path?token=hidden")
        await admin.change(made.webhook, description="pager")
        await admin.rotate(made.webhook)
        await admin.replay(made.webhook)
        await admin.delete(made.webhook)
        await refusal(admin.delete(made.webhook))
    entries = await audit_entries(broker)
    assert [one["action"].removesuffix("_webhook") for one in entries] == [
        *("create", "change", "rotate", "replay", "delete", "delete")
    ]
    text = json.dumps(entries)
    assert "hidden" not in text
    assert made.secret not in text


async def test_a_repeated_request_makes_one_webhook(broker: NatsConnection) -> None:
    async with chat_service(broker), cloud_service(broker), service(broker):
        admin = Admin(broker)
        first = await admin.create("https://example.org/", key="k" * 32)
        assert (await admin.create("https://example.org/", key="k" * 32)) == first
        (listed,) = await admin.all()
        assert listed == first.webhook
        assert first.secret.startswith("whsec_")


async def stored_webhooks(broker: NatsConnection) -> list[dict[str, Any]]:
    """Return the records."""
    page = await StreamReader(broker, INCIDENTS_STREAM).page(WEBHOOKS, start=1, count=100)
    return [json.loads(one.data) for one in page]


async def test_a_removed_webhook_keeps_no_secret(broker: NatsConnection) -> None:
    async with chat_service(broker), cloud_service(broker), service(broker):
        admin = Admin(broker)
        made = await admin.create("https://example.org/", ALERTS)
        await admin.delete(made.webhook)
        (record,) = await stored_webhooks(broker)
        assert record["removed"] is True
        assert made.secret not in json.dumps(record)
