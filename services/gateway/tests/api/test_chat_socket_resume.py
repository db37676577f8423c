"""Resuming: missed messages arrive once and in order, or the client gets a reset."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosedError

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.close_codes import Close
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from services.gateway.tests.kit.api_clients import Person, person, token_of
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def broker(portal: Portal) -> AsyncIterator[NatsConnection]:
    connection = await connect(portal.url, name="test")
    yield connection
    await connection.close()


async def say_many(broker: NatsConnection, someone: Person, count: int) -> list[int]:
    """Store ``count`` messages at once. Returns their sequences."""
    requester = RequestClient(broker, timeout=30)
    user = someone.welcome["user"]["id"]
    salt = random.random()
    replies = await asyncio.gather(
        *(
            requester.request(
                endpoints.SEND,
                SendRequest(user_id=user, client_id=f"{salt}-{n}", room="general", text=f"{n}"),
            )
            for n in range(count)
        )
    )
    return sorted(reply.seq for reply in replies)


async def received(someone: Person, count: int) -> list[int]:
    return [(await someone.receive("message"))["seq"] for _ in range(count)]


async def test_missed_messages_arrive_between_the_welcome_and_live_messages(
    address: Address, broker: NatsConnection
) -> None:
    async with person(address) as someone:
        since = someone.welcome["seq"]
        missed = await say_many(broker, someone, 30)
        assert await received(someone, 30) == missed
        async with person(address, someone.token, since=since) as back:
            assert back.welcome["seq"] >= missed[-1]
            assert await received(back, 30) == missed
            live = await someone.say("live")
            assert await received(back, 1) == [live["seq"]]


async def test_without_since_only_live_messages_arrive(address: Address, broker: NatsConnection) -> None:
    async with person(address) as someone:
        await say_many(broker, someone, 5)
        async with person(address) as other:
            live = await someone.say("live")
            assert await received(other, 1) == [live["seq"]]


async def test_messages_older_than_the_replay_buffer_are_read_from_the_stream(
    portal: Portal, broker: NatsConnection
) -> None:
    async with person(portal.gateway) as someone:
        since = someone.welcome["seq"]
        missed = await say_many(broker, someone, 1500)
        async with serving(portal.url, gateway_settings(ring_messages=10)) as forgetful:
            async with person(forgetful, someone.token, since=since) as back:
                assert await received(back, 1500) == missed
                live = await someone.say("live")
                assert await received(back, 1) == [live["seq"]]


async def test_the_gateway_catches_up_with_a_client_that_is_ahead(
    address: Address, broker: NatsConnection
) -> None:
    """It happens when the client was connected to another gateway, which got a message first."""
    async with person(address) as someone:
        last = (await someone.say("known"))["seq"]
        ahead = asyncio.create_task(first_frame_after(address, last + 1))
        (stored,) = await say_many(broker, someone, 1)
        assert stored == last + 1
        assert await ahead == "live"


async def first_frame_after(address: Address, since: int) -> str:
    """Resume from ``since``. Returns the text of the first message, or ``reset``."""
    async with person(address, since=since) as back:
        await back.send({"type": "send", "clientId": "1", "room": "general", "text": "live"})
        frame = await back.receive("message", "reset")
        return str(frame.get("text", frame["type"]))


async def test_a_sequence_beyond_the_end_of_the_stream_gets_a_reset(address: Address) -> None:
    async with person(address, since=10**9) as someone:
        await someone.receive("reset")
        await someone.send({"type": "send", "clientId": "1", "room": "general", "text": "live"})
        assert (await someone.receive("message"))["text"] == "live"


async def test_more_missed_messages_than_the_limit_get_a_reset(
    portal: Portal, broker: NatsConnection
) -> None:
    async with person(portal.gateway) as someone:
        since = someone.welcome["seq"]
        missed = await say_many(broker, someone, 20)
        async with serving(portal.url, gateway_settings(replay_limit=10)) as strict:
            async with person(strict, someone.token, since=since) as back:
                reset = await back.receive()
                assert (reset["type"], reset["seq"]) == ("reset", missed[-1])
            async with person(strict, someone.token, since=missed[-6]) as back:
                assert await received(back, 5) == missed[-5:]


async def test_expired_events_get_a_reset(portal: Portal, broker: NatsConnection) -> None:
    async with person(portal.gateway) as someone:
        missed = await say_many(broker, someone, 20)
        await broker.jetstream.purge_stream("CHAT", seq=missed[10])
        await someone.receive("reset")  # the gateway that had them in memory has noticed
        async with serving(portal.url) as fresh:
            async with person(fresh, someone.token, since=missed[5]) as back:
                assert (await back.receive())["type"] == "reset"
            async with person(fresh, someone.token, since=missed[10]) as back:
                assert await received(back, 9) == missed[11:]


@contextmanager
def suppress_try_later() -> Iterator[None]:
    try:
        yield
    except ConnectionClosedError as error:
        if error.rcvd is None or error.rcvd.code != Close.TRY_LATER.value.code:
            raise


async def test_reconnecting_readers_get_every_message_once_and_in_order(
    portal: Portal, broker: NatsConnection
) -> None:
    chance = random.Random(7)
    async with serving(portal.url, gateway_settings(ring_messages=40)) as forgetful:
        async with person(portal.gateway) as talker:
            since = talker.welcome["seq"]
            rounds = 20
            count = rounds * 50

            async def talk() -> list[int]:
                stored: list[int] = []
                for _ in range(rounds):
                    stored += await say_many(broker, talker, 50)
                return stored

            async def follow(patience: int) -> list[int]:
                token = await token_of(portal.gateway)
                seen: list[int] = []
                while len(seen) < count:
                    where = chance.choice([portal.gateway, forgetful])
                    # A gateway that is behind the other one rejects the client for a moment.
                    with suppress_try_later():
                        async with person(where, token, since=seen[-1] if seen else since) as reader:
                            for _ in range(min(patience, count - len(seen))):
                                seen += await received(reader, 1)
                return seen

            sent, *followed = await asyncio.gather(talk(), *(follow(n) for n in (17, 60, 133, 400)))
        for seen in followed:
            assert seen == sent
