"""Incidents, with the real services: opened by commands, changed by people, seen by members only."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import DeleteRequest, Message, ThreadReply, ThreadRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.incidents.cards import CardKind, CardStatus
from opsroom_contracts.incidents.incidents import (
    ChangeIncidentRequest,
    CommandStepsRequest,
    Incident,
    IncidentAction,
    IncidentChangeKind,
    IncidentReply,
    IncidentRequest,
    IncidentsReply,
    IncidentsRequest,
    IncidentStatus,
)
from opsroom_contracts.subjects import INCIDENTS_STREAM, incident_record
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import refusal
from services.chat.tests.rooms import Rooms
from services.incidents.tests.harness import SECONDS, Room, process, service
from services.incidents.tests.hooks import Hooks

DOWN = {"title": "Disk full", "key": "disk", "status": "down"}
UP = {**DOWN, "status": "up"}


class Team:
    """People who deal with incidents."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.requester = room.chat.requester

    async def act(
        self, incident: str, action: IncidentAction, user_id: str | None = None, key: str | None = None
    ) -> IncidentReply:
        request = ChangeIncidentRequest(
            id=incident,
            action=action,
            user_id=user_id or self.room.user_id,
            client_id=key or uuid4().hex,
        )
        return await self.requester.request(endpoints.CHANGE_INCIDENT, request)

    async def show(self, incident: str, user_id: str | None = None) -> IncidentReply:
        request = IncidentRequest(id=incident, user_id=user_id or self.room.user_id)
        return await self.requester.request(endpoints.INCIDENT, request)

    async def page(self, user_id: str | None = None, **query: Any) -> IncidentsReply:
        request = IncidentsRequest(user_id=user_id or self.room.user_id, **query)
        return await self.requester.request(endpoints.INCIDENTS, request)

    async def all(self, user_id: str | None = None, **query: Any) -> list[Incident]:
        """Return all incidents, page by page."""
        page = await self.page(user_id, **query)
        found = list(page.incidents)
        while page.next is not None:
            page = await self.page(user_id, **query, before=page.next)
            found += page.incidents
        return found

    async def opened(self, count: int = 1, **query: Any) -> list[Incident]:
        """Wait until there are at least ``count`` incidents."""
        return await until_answer(lambda: self.all(**query), lambda found: len(found) >= count, SECONDS)

    async def thread(self, incident: str, room: str = "general") -> ThreadReply:
        request = ThreadRequest(room=room, id=incident, user_id=self.room.user_id)
        return await self.requester.request(endpoints.THREAD, request)

    async def said(self, incident: str) -> list[str]:
        """Return the texts of the thread."""
        return [one.text for one in (await self.thread(incident)).replies]


@pytest.fixture
def team(room: Room) -> Team:
    """Ann, who opens incidents."""
    return Team(room)


async def test_a_title_begins_an_incident_with_its_card(team: Team, broker: NatsConnection) -> None:
    async with service(broker):
        await team.room.say("/incident Checkout is slow")
        (incident,) = await team.opened()
        assert (incident.title, incident.status, incident.opened_by) == (
            "Checkout is slow",
            IncidentStatus.OPEN,
            "Ann",
        )
        (card,) = [one for one in await team.room.replies() if one.card is not None]
        assert (card.id, card.seq) == (incident.id, incident.seq)
        assert (_card(card).kind, _card(card).status) == (CardKind.INCIDENT, CardStatus.FIRING)
        led = (await team.act(incident.id, IncidentAction.LEAD)).incident
        assert (led.status, led.lead and led.lead.name) == (IncidentStatus.ACKNOWLEDGED, "Ann")
        shown = await team.room.replies()
        assert (_card(shown[0]).status, _card(shown[0]).fields[0].value) == (CardStatus.ACKNOWLEDGED, "Ann")
        for action, status in (
            (IncidentAction.CLOSE, CardStatus.RESOLVED),
            (IncidentAction.REOPEN, CardStatus.ACKNOWLEDGED),
            (IncidentAction.CLOSE, CardStatus.RESOLVED),
        ):
            await team.act(incident.id, action)
            assert _card((await team.room.replies())[0]).status is status
        assert await team.said(incident.id) == [
            "Ann took the lead.",
            "Ann closed the incident.",
            "Ann reopened the incident.",
            "Ann closed the incident.",
        ]
        assert [one.kind.value for one in (await team.show(incident.id)).changes] == [
            "opened", "lead", "closed", "reopened", "closed",
        ]  # fmt: skip


def _card(message: Message) -> Any:
    assert message.card is not None
    return message.card


async def test_the_thread_of_an_alert_becomes_an_incident(team: Team, broker: NatsConnection) -> None:
    async with service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        await hooks.post(secret, DOWN)
        (alert,) = await hooks.messages()
        assert "/incident" in [action.command for action in _card(alert).actions]
        await hooks.post(secret, {**DOWN, "text": "95 %"})
        await team.room.say("/incident", thread=alert.id)
        (incident,) = await team.opened()
        assert (incident.id, incident.title, incident.card) == (alert.id, "Disk full", CardStatus.FIRING)
        assert (await team.said(alert.id))[-1] == "Ann opened an incident in this thread."
        await hooks.post(secret, {**DOWN, "text": "96 %"})
        await hooks.post(secret, UP)
        shown = await team.show(alert.id)
        assert (shown.incident.status, shown.incident.card) == (IncidentStatus.OPEN, CardStatus.RESOLVED)
        assert [(one.kind, one.card_status) for one in shown.changes] == [
            (IncidentChangeKind.OPENED, None),
            (IncidentChangeKind.CARD, CardStatus.RESOLVED),
        ]
        assert await team.room.ask("/incident") == (
            "Say what the incident is about: /incident Checkout is slow"
        )
        await team.room.say("/incident again", thread=alert.id)
        await until_answer(
            lambda: team.said(alert.id), lambda texts: "This thread is an incident already." in texts, SECONDS
        )
        assert len(await team.all()) == 1


async def test_an_incident_of_a_private_room_is_its_members(team: Team, broker: NatsConnection) -> None:
    rooms = Rooms(team.requester)
    async with service(broker):
        eve = (await team.room.chat.present("Eve", "c2")).user.id
        private = await rooms.create(team.room.user_id, "ops", private=True)
        await team.room.say("/incident Salaries leaked", room=private.id)
        (incident,) = await team.opened()
        assert await team.all(eve) == []
        assert await team.all(eve, id=incident.id) == []
        assert await team.all(eve, room=private.id) == []
        absent = await refusal(team.show("a" * 32, eve))
        hidden = await refusal(team.show(incident.id, eve))
        assert hidden.code is ErrorCode.INCIDENT_UNKNOWN
        assert hidden.message.replace(incident.id, "ID") == absent.message.replace("a" * 32, "ID")
        for action in IncidentAction:
            assert (await refusal(team.act(incident.id, action, eve))).code is ErrorCode.INCIDENT_UNKNOWN
        await rooms.invite(team.room.user_id, private.id, eve)
        assert [one.title for one in await team.all(eve)] == ["Salaries leaked"]
        await team.act(incident.id, IncidentAction.LEAD, eve)
        await rooms.expel(team.room.user_id, private.id, eve)
        assert await team.all(eve) == []
        assert (await refusal(team.act(incident.id, IncidentAction.CLOSE, eve))).code is (
            ErrorCode.INCIDENT_UNKNOWN
        )


async def test_who_may_not_send_to_the_room_changes_nothing(team: Team, broker: NatsConnection) -> None:
    rooms = Rooms(team.requester)
    async with service(broker):
        eve = (await team.room.chat.present("Eve", "c2")).user.id
        public = await rooms.create(team.room.user_id, "deploys")
        await team.room.say("/incident Slow", room=public.id)
        (incident,) = await team.opened()
        assert (await team.show(incident.id, eve)).incident.title == "Slow", (
            "everybody may read a public room"
        )
        assert (await refusal(team.act(incident.id, IncidentAction.CLOSE, eve))).code is ErrorCode.FORBIDDEN
        nobody = await refusal(team.act(incident.id, IncidentAction.CLOSE, "nobody"))
        assert nobody.code in {ErrorCode.USER_UNKNOWN, ErrorCode.FORBIDDEN}
        assert (await team.show(incident.id)).incident.status is IncidentStatus.OPEN


async def test_a_repeated_request_changes_nothing_and_says_nothing_twice(
    team: Team, broker: NatsConnection
) -> None:
    async with service(broker), service(broker):
        await team.room.say("/incident Slow")
        (incident,) = await team.opened()
        await team.act(incident.id, IncidentAction.CLOSE, key="k")
        await team.act(incident.id, IncidentAction.REOPEN)
        again = await team.act(incident.id, IncidentAction.CLOSE, key="k")
        assert again.incident.status is IncidentStatus.OPEN, "the repeated request is not a new one"
        await asyncio.gather(*(team.act(incident.id, IncidentAction.LEAD) for _ in range(8)))
        assert await team.said(incident.id) == [
            "Ann closed the incident.",
            "Ann reopened the incident.",
            "Ann took the lead.",
        ]


async def test_pages_follow_each_other_and_the_last_change_is_first(
    team: Team, broker: NatsConnection
) -> None:
    async with service(broker):
        for number in range(5):
            await team.room.say(f"/incident number {number}")
            await team.opened(number + 1)
        found = await team.all(limit=2)
        assert [one.title for one in found] == [f"number {number}" for number in (4, 3, 2, 1, 0)]
        await team.act(found[-1].id, IncidentAction.CLOSE)
        assert (await team.all())[0].title == "number 0"
        closed = await team.all(status=IncidentStatus.CLOSED)
        assert [one.title for one in closed] == ["number 0"]
        assert len(await team.all(status=IncidentStatus.OPEN, limit=1)) == 4
        assert await team.all(id=closed[0].id) == closed


async def test_a_removed_message_takes_the_title_with_it(team: Team, broker: NatsConnection) -> None:
    async with service(broker):
        root = await team.room.chat.send(team.room.user_id, "Secret customer is down")
        await team.room.say("/incident", thread=root.id)
        (incident,) = await team.opened()
        assert incident.title == "Secret customer is down"
        delete = DeleteRequest(user_id=team.room.user_id, client_id="d", room="general", id=root.id)
        await team.requester.request(endpoints.DELETE, delete)
        (left,) = await team.all()
        assert (left.title, left.seq, left.status) == (None, None, IncidentStatus.OPEN)
        closed = await team.act(incident.id, IncidentAction.CLOSE)
        assert closed.incident.status is IncidentStatus.CLOSED
    stored = await StreamReader(broker, INCIDENTS_STREAM).last(incident_record(incident.id))
    assert stored is not None
    assert b"customer" not in stored.data, "the record has no text, so that nothing is left to erase"


async def test_the_operations_of_commands_are_found_by_their_messages(
    team: Team, broker: NatsConnection
) -> None:
    async with service(broker):
        said = await team.room.say("/create as web-1")
        listed = await team.room.say("/ps")
        await team.room.until_replies(2)
        request = CommandStepsRequest(ids=(said.id, listed.id, "nothing"))
        (step,) = (await team.requester.request(endpoints.COMMAND_STEPS, request)).steps
        instance = (await team.room.servers())["web-1"]
        assert (step.message_id, step.name, step.instance_id) == (said.id, "create", instance.id)
        assert instance.pending is None or instance.pending.id == step.operation


_SENT = (b"incidents.records.", b"chat.card", b"chat.reply", b"chat.thread", b"$JS.ACK.")


def _is_step(subject: bytes, _body: bytes, from_process: bool) -> bool:
    """Whether this is part of opening an incident."""
    return from_process and subject.startswith(_SENT)


@pytest.mark.parametrize(("in_thread", "step"), [(True, 3), (False, 2)])
async def test_an_incident_is_opened_once_although_a_process_is_killed(
    team: Team, broker_process: BrokerProcess, tmp_path: Path, step: int, in_thread: bool
) -> None:
    thread = (await team.room.chat.send(team.room.user_id, "The site is down")).id if in_thread else None
    port = int(broker_process.url.rpartition(":")[2])
    proxy = StepProxy(port, serves=b"PUB $JS.API.CONSUMER.MSG.NEXT.CHAT.commands", is_step=_is_step)
    try:
        async with process(f"nats://127.0.0.1:{await proxy.start()}", tmp_path) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(step, killed.kill)
            more = {} if thread is None else {"thread": thread}
            await team.room.say("/incident The site is down", **more)
            await until(proxy.reached.is_set, SECONDS)
    finally:
        await proxy.stop()
    async with process(broker_process.url, tmp_path):
        (incident,) = await team.opened()
        assert (incident.title, len(await team.all())) == ("The site is down", 1)
        if thread is not None:
            texts = await until_answer(lambda: team.said(thread), lambda found: len(found) >= 2, SECONDS)
            assert texts == ["/incident The site is down", "Ann opened an incident in this thread."]


@pytest.mark.parametrize("lost", [b"chat.reply", b"chat.card"])
async def test_what_a_killed_process_has_not_said_is_said_by_another_one(
    team: Team, broker_process: BrokerProcess, tmp_path: Path, lost: bytes
) -> None:
    """Nobody repeats the request: the person has closed the page."""

    def is_lost(subject: bytes, _body: bytes, from_process: bool) -> bool:
        return from_process and subject == lost

    async with process(broker_process.url, tmp_path):
        await team.room.say("/incident Slow")
        (incident,) = await team.opened()
    port = int(broker_process.url.rpartition(":")[2])
    proxy = StepProxy(port, serves=b"SUB incidents.change ", is_step=is_lost)
    try:
        async with process(f"nats://127.0.0.1:{await proxy.start()}", tmp_path) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(1, killed.kill)
            closing = asyncio.create_task(team.act(incident.id, IncidentAction.CLOSE))
            await until(proxy.reached.is_set, SECONDS)
            closing.cancel()
    finally:
        await proxy.stop()
    async with process(broker_process.url, tmp_path):
        await team.room.until(lambda replies: _card(replies[0]).status is CardStatus.RESOLVED)
        assert await team.said(incident.id) == ["Ann closed the incident."]
