"""Positions: a sequence alone is enough, but an epoch or a timestamp of another stream leads to a reset."""

import httpx
import pytest
import pytest_asyncio

from services.gateway.tests.kit.api_clients import Frame, created, events, person, position_of
from services.gateway.tests.kit.portal import Address, Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = "abcdef012345"
LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def listed(portal: Portal) -> Frame:
    """A list of servers with a position, before two more events."""
    async with portal.gateway.requests() as client, events(portal.gateway) as stream:
        await created(client, stream)
        before: Frame = (await client.get("/api/v1/cloud/instances")).json()
        await created(client, stream)
    return before


async def test_lists_name_their_position(http: httpx.AsyncClient, listed: Frame) -> None:
    assert position_of(listed).keys() == {"epoch", "timestamp"}
    history = (await http.get("/api/v1/chat/rooms/general/messages")).json()
    assert history["epoch"]


async def first_event(address: Address, listed: Frame, header: bool = False, **position: object) -> str:
    since = {"last_event_id": str(listed["seq"])} if header else {"since": listed["seq"]}
    async with events(address, **since, position=position) as stream:
        return str((await stream.next())["event"])


async def test_servers_are_resumed_by_sequence_epoch_and_timestamp(address: Address, listed: Frame) -> None:
    assert await first_event(address, listed) == "change"
    assert await first_event(address, listed, **position_of(listed)) == "change"
    assert await first_event(address, listed, epoch=OTHER) == "reset"
    assert await first_event(address, listed, epoch=listed["epoch"], timestamp=LONG_AGO) == "reset"


async def test_a_browser_resumes_by_its_last_event_id(address: Address, listed: Frame) -> None:
    """It repeats the query of its first request, whose timestamp is that of an earlier event."""
    assert await first_event(address, listed, header=True) == "change"
    assert await first_event(address, listed, header=True, epoch=listed["epoch"]) == "change"
    assert await first_event(address, listed, header=True, epoch=OTHER) == "reset"
    async with events(
        address, since=1, last_event_id=str(listed["seq"]), position={"timestamp": LONG_AGO}
    ) as stream:
        assert (await stream.next())["event"] == "change"


async def test_messages_are_resumed_by_sequence_epoch_and_timestamp(address: Address) -> None:
    async with person(address) as talker:
        first = await talker.say("first")
        await talker.say("second")
        position = {"epoch": talker.welcome["epoch"], "timestamp": first["timestamp"]}
        for sent, kind in (
            ({}, "message"),
            (position, "message"),
            (position | {"epoch": OTHER}, "reset"),
            (position | {"timestamp": LONG_AGO}, "reset"),
        ):
            async with person(address, talker.token, since=first["seq"], position=sent) as back:
                assert (await back.receive("message", "reset"))["type"] == kind
