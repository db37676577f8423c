"""``/ack`` in the thread of an alert, with the real services."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Message, ThreadRequest
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.incidents.tests.harness import Room, service
from services.incidents.tests.hooks import Hooks

DOWN = {"key": "db", "title": "db-1 does not answer", "status": "down"}


@dataclass
class Alert:
    """A hook whose alert fires, and who acknowledges it."""

    room: Room
    hooks: Hooks
    secret: str

    async def message(self) -> Message:
        """Return the message of the alert."""
        (found,) = [one for one in await self.hooks.messages() if one.user.id.startswith("bot-hook-")]
        return found

    async def card(self) -> Card:
        """Return the card of the alert."""
        card = (await self.message()).card
        assert card is not None
        return card

    async def ack(self, text: str = "/ack") -> str:
        """Say ``text`` in the thread of the alert, and return the reply."""
        root = (await self.message()).id
        request = ThreadRequest(room="general", id=root, user_id=self.room.user_id)

        async def replies() -> list[str]:
            found = await self.room.chat.requester.request(endpoints.THREAD, request)
            return [one.text for one in found.replies if one.user.id == "bot-opsroom"]

        before = len(await replies())
        await self.room.say(text, thread=root)
        return (await until_answer(replies, lambda found: len(found) > before, 30))[before]


@pytest.fixture
async def alert(room: Room, broker: NatsConnection) -> AsyncIterator[Alert]:
    """An alert that fires."""
    async with service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        await hooks.post(secret, DOWN)
        yield Alert(room, hooks, secret)


async def test_an_alert_is_acknowledged_once_and_stays_so_until_it_is_resolved(alert: Alert) -> None:
    firing = await alert.card()
    assert "/ack" in [one.command for one in firing.actions]
    assert await alert.ack("/ack looking at it") == "Acknowledged by Ann."
    card = await alert.card()
    assert (card.status, card.acknowledged_by) == (CardStatus.ACKNOWLEDGED, "Ann")
    assert "/ack" not in [one.command for one in card.actions]
    assert "Acknowledged by Ann." in (await alert.message()).text
    assert await alert.ack() == "/ack: Ann has acknowledged it already."
    await alert.hooks.post(alert.secret, {**DOWN, "title": "db-1 still does not answer"})
    again = await alert.card()
    assert (again.status, again.acknowledged_by) == (CardStatus.ACKNOWLEDGED, "Ann")
    assert again.title == "db-1 still does not answer"
    await alert.hooks.post(alert.secret, {**DOWN, "status": "up"})
    resolved = await alert.card()
    assert (resolved.status, resolved.acknowledged_by) == (CardStatus.RESOLVED, "Ann")
    assert await alert.ack() == "/ack: the alert does not fire; it is resolved."


async def test_what_is_no_alert_is_not_acknowledged(alert: Alert) -> None:
    assert await alert.room.ask("/ack") == "/ack is said in the thread of an alert."
    root = await alert.room.chat.send(alert.room.user_id, "a message")
    await alert.room.say("/ack", thread=root.id)
    request = ThreadRequest(room="general", id=root.id, user_id=alert.room.user_id)
    thread = await until_answer(
        lambda: alert.room.chat.requester.request(endpoints.THREAD, request),
        lambda found: len(found.replies) == 2,
        30,
    )
    assert thread.replies[1].text == "/ack is said in the thread of an alert."
    assert (await alert.card()).status is CardStatus.FIRING
