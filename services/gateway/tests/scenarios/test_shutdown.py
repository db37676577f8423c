"""The shutdown of a gateway: clients are notified, and requests in progress are completed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from nats.aio.msg import Msg

from opsroom_contracts import endpoints
from opsroom_contracts.close_codes import Close
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.api_clients import close_code, events, person
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import Address, Portal, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def stoppable_gateway(portal: Portal) -> AsyncIterator[tuple[Address, AsyncExitStack]]:
    """Run a gateway. Yields it with the exit stack that stops it gracefully."""
    async with AsyncExitStack() as stop:
        yield await stop.enter_async_context(serving(portal.url)), stop


async def test_a_stop_closes_sockets_as_going_away_and_completes_streams(portal: Portal, agent: str) -> None:
    async with stoppable_gateway(portal) as (address, stop), AsyncExitStack() as clients:
        someone = await clients.enter_async_context(person(address))
        course = await clients.enter_async_context(course_client(address, agent))
        await clients.enter_async_context(events(address))
        http = await clients.enter_async_context(address.requests())
        dashboard = await clients.enter_async_context(http.stream("GET", "/cloud/sse"))
        reading = asyncio.create_task(dashboard.aread())
        await stop.aclose()
        for socket in (someone.socket, course.socket):
            assert await close_code(socket) == Close.GOING_AWAY.value.code
        await reading  # an incomplete stream would raise
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


async def test_users_of_a_stopped_gateway_stay_listed_for_a_grace_period(portal: Portal, agent: str) -> None:
    async with stoppable_gateway(portal) as (address, stop):
        user = await register(address, agent, "leaving with the gateway")
        async with course_client(address, agent) as client, course_client(portal.gateway, "w") as witness:
            await client.until_own_message()
            await witness.sees(user)
            await stop.aclose()
            await witness.misses(user)


async def test_a_request_in_progress_is_completed(portal: Portal) -> None:
    body = json.dumps({"name": "in flight"}).encode()
    head = f"POST /chat/new-user HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with stoppable_gateway(portal) as (address, stop):
        async with course_client(address, "w") as witness:
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
            writer.write(head + body[:5])
            await witness.until_own_message()
            stopping = asyncio.create_task(stop.aclose())
            assert await close_code(witness.socket) == Close.GOING_AWAY.value.code
            writer.write(body[5:])
            response = await reader.read()
            assert response.startswith(b"HTTP/1.1 200 ")
            assert b'"name":"in flight"' in response
            await stopping
            writer.close()


async def test_a_request_that_waits_for_a_missing_service_returns_unavailable(
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
        await broker.client.subscribe(endpoints.CREATE_INSTANCE.subject, cb=never_answer)
        await broker.client.flush()
        async with address.requests() as http:
            waiting = asyncio.create_task(http.post("/api/v1/cloud/instances"))
            await asked.wait()
            await stop.aclose()
            response = await waiting
    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert "graceful" not in caplog.text
