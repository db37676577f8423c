"""A process that does commands is killed (SIGKILL) between any two steps; another one goes on."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, ThreadRequest
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.schedules import SchedulesRequest
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.forks import Forks, forks
from services.chat.tests.harness import service as chat_service
from services.cloud.tests.harness import each_once
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import Room, service
from services.incidents.tests.hooks import Hooks
from services.incidents.tests.kills import STEPS_MAX, Turn, killed_at_each_step, texts_of
from services.incidents.tests.test_approvals import POLICY, people

LEAST = 5
"""How often a process died before it had done a command: at least at this number of steps."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def forked(tmp_path: Path) -> AsyncIterator[Forks]:
    """Processes of the service."""
    async with forks(tmp_path, "incidents") as made:
        yield made


async def test_a_command_is_done_once_and_replied_to_once(
    room: Room, broker: NatsConnection, broker_process: BrokerProcess, forked: Forks
) -> None:
    async def prepare(turn: int) -> Turn:
        return Turn(partial(room.say, f"/create label:turn={turn}"), partial(texts_of, room))

    async with killed_at_each_step(forked, broker, broker_process.url, prepare) as killed:
        assert killed >= LEAST
        servers = [one.labels["turn"] for one in (await room.servers()).values()]
        assert sorted(servers, key=int) == [str(turn) for turn in range(1, len(servers) + 1)]
        kept = await room.cloud.all_finished(len(servers))
        each_once(kept)
        replies = await room.replies()
        assert len(replies) == len(servers)
        assert all(one.card is not None for one in replies), replies
        assert sum(one.event.type is EventType.RECEIVED for one in kept) == len(servers)


@pytest.mark.parametrize("word", ["approve", "deny"])
async def test_a_decision_counts_once(
    broker: NatsConnection, broker_process: BrokerProcess, forked: Forks, word: str
) -> None:
    ends, status, reply = {
        "approve": (
            [EventType.APPROVED, EventType.RECEIVED, EventType.STARTED],
            CardStatus.SUCCEEDED,
            "Approved",
        ),
        "deny": ([EventType.DENIED], CardStatus.FAILED, "Denied"),
    }[word]
    operations: list[str] = []
    async with chat_service(broker), cloud_service(broker, approvals=POLICY, delay_seconds=0.2):
        team = await people(broker)
        names = [f"web-{turn}" for turn in range(1, STEPS_MAX + 1)]
        await asyncio.gather(*(team.ann.cloud.created(name=one, labels={"env": "prod"}) for one in names))

        async def prepare(turn: int) -> Turn:
            await team.ann.ask(f"/start web-{turn}")
            operations.append((await team.card()).operation or "")
            return Turn(partial(team.bob.say, f"/{word} {operations[-1]}"), partial(texts_of, team.ann))

        def is_true(replies: list[Message]) -> bool:
            return all(card.status is status for card in _cards(replies))

        async with killed_at_each_step(forked, broker, broker_process.url, prepare) as killed:
            assert killed >= LEAST
            await team.ann.until(is_true)
            replies = await team.ann.replies()
        assert [one.operation for one in _cards(replies)] == operations
        assert [one.text for one in replies if one.card is None] == [
            f"{reply}: `web-{turn}`." for turn in range(1, len(operations) + 1)
        ]
        for operation in operations:
            assert await team.kinds(operation) == [EventType.REQUESTED, *ends]


async def test_a_schedule_is_made_once(
    room: Room, broker: NatsConnection, broker_process: BrokerProcess, forked: Forks
) -> None:
    async def prepare(turn: int) -> Turn:
        text = f"/schedule stop label:turn={turn} every weekday at 19:05 Europe/Berlin"
        return Turn(partial(room.say, text), partial(texts_of, room))

    async with killed_at_each_step(forked, broker, broker_process.url, prepare) as killed:
        assert killed >= LEAST
        replies = await texts_of(room)
        assert all(one.startswith("Scheduled as `stop-") for one in replies), replies
    found = await room.chat.requester.request(endpoints.SCHEDULES, SchedulesRequest())
    assert {one.selector for one in found.schedules} == {f"turn={n}" for n in range(1, len(replies) + 1)}
    assert len(found.schedules) == len(replies)


async def test_an_alert_is_acknowledged_once(
    room: Room, broker: NatsConnection, broker_process: BrokerProcess, forked: Forks
) -> None:
    hooks = Hooks(broker)
    async with service(broker):
        secret = (await hooks.create()).secret
    roots: list[str] = []

    async def thread(root: str) -> tuple[Card | None, list[str]]:
        await room.chat.lease("g1")
        request = ThreadRequest(room="general", id=root, user_id=room.user_id)
        found = await room.chat.requester.request(endpoints.THREAD, request)
        return found.root.card, [one.text for one in found.replies if one.user.id == "bot-opsroom"]

    async def prepare(turn: int) -> Turn:
        title = f"Backup {turn} failed"
        await hooks.post(secret, {"key": f"k{turn}", "title": title, "status": "down"})
        (root,) = [one.id for one in await hooks.messages() if title in one.text]
        roots.append(root)

        async def replies() -> list[str]:
            return (await thread(root))[1]

        return Turn(partial(room.say, "/ack", thread=root), replies)

    async with killed_at_each_step(forked, broker, broker_process.url, prepare) as killed:
        assert killed >= LEAST
    for root in roots:
        card, replies = await thread(root)
        assert card is not None
        assert (card.status, card.acknowledged_by) == (CardStatus.ACKNOWLEDGED, "Ann")
        assert replies == ["Acknowledged by Ann."]


def _cards(messages: list[Message]) -> list[Card]:
    return [one.card for one in messages if one.card is not None]
