"""Alerts that nobody acknowledges, in a room with a rota."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, ThreadRequest
from opsroom_contracts.incidents.escalations import ESCALATION, EscalationRecord
from opsroom_contracts.incidents.webhooks import WebhookFilter, WebhookTopic
from opsroom_contracts.subjects import ESCALATIONS, INCIDENTS_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import refusal
from services.incidents.tests.harness import SECONDS, Room, service
from services.incidents.tests.hooks import Hooks
from services.incidents.tests.on_call import Rotas
from services.incidents.tests.webhooks.admin import ALERTS, FAST, Admin
from services.incidents.tests.webhooks.receiver import receiver

DOWN = {"key": "db", "title": "db-1 does not answer", "status": "down"}
SHORT = {"escalation_minute_seconds": 0.3}


@dataclass
class Duty:
    """A room with two people who take turns, and a hook."""

    room: Room
    hooks: Hooks
    rotas: Rotas
    secret: str
    people: tuple[str, str]

    async def fire(self, **more: str) -> None:
        await self.hooks.post(self.secret, {**DOWN, **more})

    async def alert(self) -> Message:
        """Return the last message of the alert."""
        return [one for one in await self.hooks.messages() if one.user.id.startswith("bot-hook-")][-1]

    async def calls(self) -> list[Message]:
        """Return what the portal has said in the thread of the alert, the first first."""
        await self.room.chat.lease("g1")
        request = ThreadRequest(room="general", id=(await self.alert()).id, user_id=self.room.user_id)
        found = (await self.room.chat.requester.request(endpoints.THREAD, request)).replies
        return [one for one in found if one.mentions is not None]

    async def records(self) -> list[EscalationRecord]:
        reader = StreamReader(self.hooks.broker, INCIDENTS_STREAM)
        return [ESCALATION.read(one.data) for one in await reader.page(ESCALATIONS, start=1, count=100)]

    async def until_over(self) -> list[EscalationRecord]:
        """Wait until no escalation has a next step."""
        return await until_answer(
            self.records, lambda found: bool(found) and all(one.next_at is None for one in found), SECONDS
        )


@pytest.fixture
async def duty(room: Room, broker: NatsConnection) -> AsyncIterator[Duty]:
    """Minutes are short."""
    bob = (await room.chat.present("Bob")).user.id
    async with service(broker, **SHORT, **FAST):
        hooks = Hooks(broker)
        yield Duty(room, hooks, Rotas(broker), (await hooks.create()).secret, (room.user_id, bob))


async def test_who_is_on_duty_and_then_the_next_person_is_mentioned_once(duty: Duty) -> None:
    await duty.rotas.put(*duty.people, minutes=1)
    await duty.fire()
    await duty.fire(title="db-1 still does not answer")
    (record,) = await duty.until_over()
    calls = await duty.calls()
    assert [one.mentions and one.mentions.users for one in calls] == [(one,) for one in duty.people]
    assert calls[0].text.startswith("@Ann, you are on call: nobody has acknowledged this alert since ")
    assert calls[1].text.startswith("@Bob, you are next on call: ")
    assert (record.steps, record.mentioned, record.webhook) == (2, duty.people, None)


async def test_an_acknowledged_alert_goes_no_further_and_one_that_fires_again_does(duty: Duty) -> None:
    await duty.rotas.put(*duty.people, minutes=2)
    await duty.fire()
    root = await duty.alert()
    await duty.room.say("/ack", thread=root.id)
    (first,) = await duty.until_over()
    assert (first.steps, await duty.calls()) == (0, [])
    await duty.fire(status="up")
    await duty.fire()
    await until_answer(duty.calls, lambda found: len(found) == 2, SECONDS)
    assert (await duty.alert()).id != root.id
    assert {one.message_id: one.steps for one in await duty.until_over()} == {
        root.id: 0,
        (await duty.alert()).id: 2,
    }


async def test_the_webhook_of_the_rota_gets_the_last_step(duty: Duty, broker: NatsConnection) -> None:
    admin = Admin(broker)
    async with receiver() as got, receiver() as other:
        deploys = await admin.create(got.url, WebhookFilter(topics=(WebhookTopic.DEPLOYS,)))
        refused = await refusal(duty.rotas.put(*duty.people, webhook=deploys.webhook.id))
        assert (refused.code, refused.field) == ("invalid_request", "webhook")
        made = [await admin.create(one.url, ALERTS) for one in (got, other)]
        got.secrets += [made[0].secret]
        other.secrets += [made[1].secret]
        await duty.rotas.put(duty.people[0], minutes=1, webhook=made[0].webhook.id)
        await duty.fire()
        await until(lambda: any(one.body["type"] == "alert.escalated" for one in got.requests), SECONDS)
        (event,) = [one.body for one in got.requests if one.body["type"] == "alert.escalated"]
        assert (event["data"]["messageId"], event["data"]["rota"]) == ((await duty.alert()).id, "Ops")
        assert event["data"]["called"] == [duty.people[0]]
        assert len(await duty.calls()) == 1, "nobody else is in the rota"
        await duty.fire(status="up")
        await until(lambda: "alert.resolved" in [one.body["type"] for one in other.requests], SECONDS)
        assert "alert.escalated" not in [one.body["type"] for one in other.requests]
        assert got.problems == other.problems == []


async def test_nothing_goes_further_without_a_rota(duty: Duty) -> None:
    await duty.rotas.put(*duty.people, minutes=1)
    await duty.rotas.put(*duty.people, remove=True)
    await duty.fire()
    assert await duty.records() == []
