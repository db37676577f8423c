"""All sockets of a device on one gateway are one connection on the user's record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from opsroom_contracts.chat.models import MEMBER, Member
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.subjects import MEMBERS_STREAM, member_subject
from opsroom_gateway.presence.device_sessions import SOCKETS_MAX, DeviceSessions
from opsroom_gateway.presence.sessions import Sessions
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import person, token_of
from services.gateway.tests.kit.portal import Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOCKETS = 10


class Socket:
    """A socket without a network. ``ends``: whether each loss was an exit."""

    def __init__(self) -> None:
        self.ends: list[bool] = []

    def lost(self, *, exited: bool) -> None:
        self.ends.append(exited)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(portal: Portal) -> AsyncIterator[NatsConnection]:
    connection = await connect(portal.url, name="test")
    yield connection
    await connection.close()


async def record_of(broker: NatsConnection, user_id: str) -> tuple[Member, int]:
    stored = await StreamReader(broker, MEMBERS_STREAM).last(member_subject(user_id))
    assert stored is not None
    return MEMBER.read(stored.data), stored.seq


def user_of(token: str) -> str:
    return token.partition(".")[0]


async def test_sockets_of_a_device_are_one_connection_on_one_record(
    portal: Portal, broker: NatsConnection
) -> None:
    token = await token_of(portal.gateway)
    async with AsyncExitStack() as opened:
        people = await asyncio.gather(
            *(opened.enter_async_context(person(portal.gateway, token)) for _ in range(SOCKETS))
        )
        member, seq = await record_of(broker, user_of(token))
        assert (len(member.connections), member.status) == (1, "present")
        people.append(await opened.enter_async_context(person(portal.gateway, token)))
        users = {one.welcome["user"]["id"] for one in people}
        assert users == {user_of(token)}
        await people[0].socket.close()
        await people[0].socket.wait_closed()
        assert (await people[1].say("still here"))["type"] == "ack"
        assert await record_of(broker, user_of(token)) == (member, seq)
    gone, _ = await until_answer(
        lambda: record_of(broker, user_of(token)), lambda found: not found[0].connections
    )
    assert gone.status != "present"


async def test_a_device_that_leaves_closes_its_other_sockets(portal: Portal, broker: NatsConnection) -> None:
    token = await token_of(portal.gateway)
    async with person(portal.gateway, token) as one, person(portal.gateway, token) as other:
        await one.send({"type": "leave"})
        assert await one.closed() == Close.LEFT.value.code
        assert await other.closed() == Close.LEFT.value.code
    member, _ = await record_of(broker, user_of(token))
    assert (member.connections, member.exited) == ((), True)
    async with person(portal.gateway, token) as back:
        assert back.welcome["user"]["id"] == user_of(token)


async def test_a_wrong_token_shares_no_session_of_its_user(portal: Portal, broker: NatsConnection) -> None:
    token, devices = await token_of(portal.gateway), DeviceSessions(Sessions(RequestClient(broker), "other"))
    device = await devices.join(token, Socket())
    with pytest.raises(FaultError) as refused:
        await devices.join(f"{user_of(token)}.wrong", Socket())
    assert refused.value.fault.code is ErrorCode.TOKEN_INVALID
    assert device.user.id == user_of(token)


async def test_those_that_wait_share_a_refusal_and_the_next_one_asks_again(broker: NatsConnection) -> None:
    devices = DeviceSessions(Sessions(RequestClient(broker), "other"))
    for _ in range(2):
        joins = (devices.join("nobody.secret", Socket()) for _ in range(SOCKETS))
        found = await asyncio.gather(*joins, return_exceptions=True)
        codes = [one.fault.code for one in found if isinstance(one, FaultError)]
        assert codes == [ErrorCode.TOKEN_INVALID] * SOCKETS


async def test_a_device_has_a_limited_number_of_sockets(portal: Portal, broker: NatsConnection) -> None:
    token, devices = await token_of(portal.gateway), DeviceSessions(Sessions(RequestClient(broker), "other"))
    sockets = [Socket() for _ in range(SOCKETS_MAX)]
    device, *_ = await asyncio.gather(*(devices.join(token, socket) for socket in sockets))
    with pytest.raises(FaultError, match="64 sockets"):
        await devices.join(token, Socket())
    device.lost(exited=False)
    assert [socket.ends for socket in sockets] == [[False]] * SOCKETS_MAX


async def test_a_socket_that_gives_up_leaves_the_session_to_the_others(
    portal: Portal, broker: NatsConnection
) -> None:
    token, devices = await token_of(portal.gateway), DeviceSessions(Sessions(RequestClient(broker), "other"))
    first, second = (asyncio.create_task(devices.join(token, Socket())) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    device = await first
    assert len(device.sockets) == 1
    with pytest.raises(asyncio.CancelledError):
        await second
