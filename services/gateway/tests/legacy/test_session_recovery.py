"""How changes of a member's record affect a course client's place on the list."""

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import MEMBER, LeaveReason, LeaveRequest, Member
from opsroom_contracts.subjects import MEMBERS_STREAM, member_subject
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_BINDING_SECONDS = 60.0


async def test_a_user_taken_off_the_list_returns_while_their_socket_is_open(
    portal: Portal, address: Address, agent: str
) -> None:
    """It happens when a gateway stalls longer than its lease: only the socket shows that the user is here."""
    user = await register(address, agent, "sleeper")
    broker = await connect(portal.url, name="test")
    reader = StreamReader(broker, MEMBERS_STREAM)

    async def record() -> Member:
        stored = await reader.last(member_subject(user["id"]))
        assert stored is not None
        return MEMBER.read(stored.data)

    def on_a_socket(member: Member) -> bool:
        return any(not connection.id.startswith("reg-") for connection in member.connections)

    async with course_client(address, agent) as client:
        await client.sees(user)
        alone = await until_answer(record, lambda m: on_a_socket(m) and len(m.connections) == 1)
        (connection,) = alone.connections
        request = LeaveRequest(user_id=user["id"], connections=(connection.id,), manner=LeaveReason.CLOSED)
        await RequestClient(broker).request(endpoints.LEAVE, request)
        back = await until_answer(record, on_a_socket)
        assert back.connections == (connection,)
    await broker.close()


async def test_a_placeholder_ends_when_its_socket_opens_at_another_gateway(
    portal: Portal, agent: str
) -> None:
    settings = gateway_settings(course_binding_seconds=LONG_BINDING_SECONDS)
    async with serving(portal.url, settings) as first, serving(portal.url, settings) as second:
        async with course_client(second, "a watcher") as watcher:
            user = await register(first, agent, "traveller")
            await watcher.sees(user)
            async with course_client(second, agent) as client:
                await client.sees(user)
                await client.send({"type": "send", "message": "here", "user": user})
                await client.message()
            await watcher.misses(user)
