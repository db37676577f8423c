"""A gateway that stops: everybody is told, and what was begun is finished."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from nats.aio.msg import Msg

from opsroom_contracts.close_codes import Close
from opsroom_contracts.subjects import CloudSubject
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.api_clients import close_code, events, person
from services.gateway.tests.course_clients import course_client, register
from services.gateway.tests.portal import Address, Portal, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def stopped_at_will(portal: Portal) -> AsyncIterator[tuple[Address, AsyncExitStack]]:
    """A gateway, and what to close to have it stop as its process would."""
    async with AsyncExitStack() as stop:
        yield await stop.enter_async_context(serving(portal.url)), stop


async def test_every_socket_is_told_to_come_back_and_every_stream_ends_whole(
    portal: Portal, agent: str
) -> None:
    async with stopped_at_will(portal) as (address, stop), AsyncExitStack() as clients:
        someone = await clients.enter_async_context(person(address))
        course = await clients.enter_async_context(course_client(address, agent))
        await clients.enter_async_context(events(address))
        http = await clients.enter_async_context(address.requests())
        dashboard = await clients.enter_async_context(http.stream("GET", "/cloud/sse"))
        reading = asyncio.create_task(dashboard.aread())
        await stop.aclose()
        for socket in (someone.socket, course.socket):
            assert await close_code(socket) == Close.GOING_AWAY.value.code
        await reading  # a stream that was cut off would raise
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


async def test_people_of_a_stopped_gateway_keep_their_place_for_a_moment_and_then_leave(
    portal: Portal, agent: str
) -> None:
    async with stopped_at_will(portal) as (address, stop):
        user = await register(address, agent, "leaving with the gateway")
        async with course_client(address, agent) as client, course_client(portal.gateway, "w") as witness:
            await client.until_own_message()
            await witness.sees(user)
            await stop.aclose()
            await witness.misses(user)


async def test_a_request_under_way_is_answered(portal: Portal) -> None:
    body = json.dumps({"name": "in flight"}).encode()
    head = f"POST /chat/new-user HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with stopped_at_will(portal) as (address, stop):
        async with course_client(address, "w") as witness:
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
            writer.write(head + body[:5])
            await witness.until_own_message()
            stopping = asyncio.create_task(stop.aclose())
            assert await close_code(witness.socket) == Close.GOING_AWAY.value.code
            writer.write(body[5:])
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b'"name":"in flight"' in answer
            await stopping
            writer.close()


async def test_who_waits_for_a_service_that_is_away_is_told_to_come_back(
    broker_process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    async def never_answer(_request: Msg) -> None:
        asked.set()

    async with AsyncExitStack() as stop:
        async with services(broker_process.url):
            address = await stop.enter_async_context(serving(broker_process.url))
        broker = await connect(broker_process.url, name="witness")
        stop.push_async_callback(broker.close)
        await broker.client.subscribe(CloudSubject.CREATE, cb=never_answer)
        await broker.client.flush()
        async with address.requests() as http:
            waiting = asyncio.create_task(http.post("/api/v1/cloud/instances"))
            await asked.wait()
            await stop.aclose()
            answer = await waiting
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert "graceful" not in caplog.text
