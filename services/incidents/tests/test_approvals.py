"""``/approve`` and ``/deny`` with the real services: counted once, and shown on the card."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from opsroom_contracts.chat.models import Message
from opsroom_contracts.cloud.commands import EventType, InstanceState
from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.cards import Card, CardStatus
from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat
from services.chat.tests.harness import service as chat_service
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import Room, service, until_state

POLICY = "start,stop label:env=prod\nrestart label:env=prod need=2\nrm label:env=prod expires=1s"


@dataclass(frozen=True)
class Team:
    """Three people in one room, in which commands for production must be approved."""

    ann: Room
    bob: Room
    zoe: Room

    async def server(self, name: str = "web-1", *, env: str = "prod") -> None:
        """Create a server that runs."""
        await self.ann.ask(f"/create as {name} label:env={env} started")
        await until_state(self.ann, name, InstanceState.RUNNING)

    async def card(self) -> Card:
        """Return the last card of the room."""
        return _cards(await self.ann.replies())[-1]

    async def until_card(self, status: CardStatus, *, says: str = "") -> Card:
        """Wait until the last card has a status, and says something."""

        def holds(found: list[Message]) -> bool:
            card = _cards(found)[-1]
            return card.status is status and says in card.text

        await self.ann.until(holds)
        return await self.card()

    async def kinds(self, operation: str | None) -> list[EventType]:
        """Return the types of the events of an operation."""
        return [one.event.type for one in await self.ann.cloud.kept() if one.event.operation_id == operation]


def _cards(messages: list[Message]) -> list[Card]:
    return [one.card for one in messages if one.card is not None]


async def people(broker: NatsConnection) -> Team:
    """The three of them, who are present."""
    chat = Chat(broker)
    await chat.lease("g1")
    users = [(await chat.present(name)).user for name in ("Ann", "Bob", "Zoe")]
    return Team(*(Room(broker, one.id, one.name) for one in users))


@pytest.fixture
async def team(broker: NatsConnection) -> AsyncIterator[Team]:
    """The three of them, with all services."""
    async with chat_service(broker), cloud_service(broker, approvals=POLICY), service(broker):
        yield await people(broker)


async def test_an_approved_command_counts_down_on_its_card(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        team = await people(broker)
        async with cloud_service(broker):
            await team.server()
        async with cloud_service(broker, approvals=POLICY, delay_seconds=600.0):
            await team.ann.ask("/stop web-1")
            assert await team.bob.ask("/approve web-1") == "Approved: `web-1`."
            counting = await team.until_card(CardStatus.RUNNING, says="unless somebody undoes it")
            assert "Approved by Bob." in counting.text
            assert [one.label for one in counting.actions] == ["Undo"]
            assert await team.zoe.ask(counting.actions[0].command or "") == "Undone: `web-1`."
            assert (await team.until_card(CardStatus.INFO)).text == "Undone."


async def test_a_command_awaits_approval_and_is_done(team: Team) -> None:
    await team.server()
    await team.ann.ask("/stop web-1")
    begun = await team.card()
    assert begun.status is CardStatus.RUNNING
    assert begun.text.startswith("Awaits approval until ")
    assert await team.ann.ask("/approve web-1") == "`web-1`: its author can't approve it"
    approve = begun.actions[0].command or ""
    assert await team.bob.ask(approve) == "Approved: `web-1`."
    done = await team.until_card(CardStatus.SUCCEEDED)
    assert done.text == "Approved by Bob."
    assert await team.bob.ask(approve) == "Approved: `web-1`."  # as often as Bob says it
    assert await team.zoe.ask(approve) == "`web-1`: was approved already by Bob"
    assert await team.kinds(begun.operation) == [
        EventType.REQUESTED,
        EventType.APPROVED,
        EventType.RECEIVED,
        EventType.STOPPED,
    ]


async def test_a_denied_command_says_why(team: Team) -> None:
    await team.server()
    await team.ann.ask("/stop web-1")
    deny = (await team.card()).actions[1].command or ""
    assert await team.ann.ask(deny) == "`web-1`: its author can't deny it; cancel it instead"
    assert await team.bob.ask(f"{deny} not during the sale") == "Denied: `web-1`."
    ended = await team.until_card(CardStatus.FAILED)
    assert ended.text == "`web-1`: denied: not during the sale"
    assert ended.actions == ()
    assert await team.zoe.ask(deny.replace("deny", "approve")) == (
        "`web-1`: was denied already: not during the sale"
    )
    assert await team.zoe.ask("/approve web-1") == "Nothing of `web-1` awaits approval."
    assert await team.zoe.ask("/approve none") == "There is no server and no operation `none`."
    assert (await team.ann.servers())["web-1"].state is InstanceState.RUNNING


async def test_an_old_button_does_not_decide_about_a_later_command(team: Team) -> None:
    await team.server()
    await team.ann.ask("/stop web-1")
    old = (await team.card()).actions[0].command or ""
    assert await team.ann.ask("/undo") == "Undone: `web-1`."
    await team.ann.ask("/stop web-1")
    assert await team.bob.ask(old) == "`web-1`: was undone"
    pending = (await team.ann.servers())["web-1"].pending
    assert pending is not None
    assert pending.approval is not None


async def test_what_nobody_approves_in_time_is_over(team: Team) -> None:
    await team.server()
    await team.ann.ask("/rm web-1")
    ended = await team.until_card(CardStatus.FAILED)
    assert ended.text == "`web-1`: nobody approved it in time"
    assert await team.bob.ask(f"/approve {ended.operation}") == "`web-1`: nobody approved it in time"
    assert await team.kinds(ended.operation) == [EventType.REQUESTED, EventType.EXPIRED]


async def test_two_must_approve_and_an_admin_may_alone(team: Team) -> None:
    await team.server()
    await team.ann.ask("/restart web-1")
    assert await team.bob.ask("/approve web-1") == "Approved, but others must approve, too: `web-1`."
    await team.until_card(CardStatus.RUNNING, says="Approved by Bob.")
    assert await team.zoe.ask("/approve web-1") == "Approved: `web-1`."
    await team.until_card(CardStatus.SUCCEEDED, says="Approved by Bob, Zoe.")
    await team.ann.ask("/stop web-1")
    alone = "/approve web-1 alone the site is down"
    assert "deciding takes the role admin" in await team.ann.ask(alone)
    team.ann.caller = team.ann.caller.model_copy(update={"role": Role.ADMIN})
    assert await team.ann.ask(alone) == "Approved: `web-1`."
    await team.until_card(CardStatus.SUCCEEDED)


async def test_all_of_a_command_is_approved_at_once(team: Team) -> None:
    for name in ("web-1", "web-2"):
        await team.server(name)
    await team.server("test-1", env="test")
    await team.ann.ask("/stop web-1 web-2 test-1")
    begun = await team.card()
    assert begun.text.startswith("Awaits approval (web-1, web-2) until ")
    approve = begun.actions[0].command or ""
    assert approve == f"/approve {begun.key}"
    assert await team.bob.ask(approve) == "Approved: `web-1`, `web-2`."
    await team.until_card(CardStatus.SUCCEEDED)
    assert await team.bob.ask(approve) == "Nothing of that command awaits approval any more."


async def test_nobody_approves_what_their_own_bot_asked_for(team: Team) -> None:
    await team.server()
    bot = team.zoe
    bot.caller = bot.caller.model_copy(update={"owner": team.bob.caller.identity})
    await bot.ask("/stop web-1")
    assert await team.bob.ask("/approve web-1") == "`web-1`: its author can't approve it"
    assert await team.ann.ask("/approve web-1") == "Approved: `web-1`."
