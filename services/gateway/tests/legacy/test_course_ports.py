"""The old servers' contracts at the root of separate ports."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from services.gateway.tests.kit.course_clients import CourseClient
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def course(portal: Portal) -> AsyncIterator[Address]:
    """A gateway that also listens on two ports for course clients."""
    async with serving(portal.url, gateway_settings(course_ports=(0, 0))) as address:
        yield address


@asynccontextmanager
async def socket(port: int, path: str) -> AsyncIterator[ClientConnection]:
    """Open a socket as clients do that know the host only."""
    async with connect(f"ws://127.0.0.1:{port}{path}", compression=None) as opened:
        yield opened


@pytest.mark.parametrize("path", ["", "/", "/ws", "/chat", "/api/v1/chat/ws"])
async def test_the_chat_has_a_port_without_a_prefix(course: Address, path: str) -> None:
    chat, _ = course.course_ports
    name = f"p-{uuid4().hex[:12]}"
    async with Address(chat).requests(name) as http, socket(chat, path) as opened:
        client = CourseClient(opened)
        response = await http.post("/new-user", json={"name": name})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        await client.sees(response.json()["user"])
        assert (await http.post("/New-User/", json={"name": name})).status_code == 409
        assert (await http.get("/api/v1/chat/users")).json()["status"] == "error"
        frame = json.dumps({"type": "send", "message": "hi"})
        await client.send(frame)
        assert await client.message() == frame


async def test_the_dashboard_has_a_port_without_a_prefix_that_returns_the_old_servers_envelope(
    course: Address,
) -> None:
    _, dashboard = course.course_ports
    async with Address(dashboard).requests() as http, socket(dashboard, "/ws") as opened:
        assert json.loads(await opened.recv()) == "connection"
        assert isinstance((await http.get("/")).json()["data"], list)
        assert (await http.delete("/", params={"id": "unknown"})).status_code == 404
        assert (await http.get("/chat/new-user")).json().keys() == {"message"}


async def test_the_gateways_own_port_is_as_before(course: Address) -> None:
    async with course.requests() as http:
        assert isinstance((await http.get("/cloud")).json(), list)
        assert (await http.post("/new-user", json={"name": "nobody"})).status_code == 404


async def test_connections_of_all_ports_count_together(portal: Portal) -> None:
    settings = gateway_settings(course_ports=(0, 0), connections_per_address=2, exempt_addresses=())
    async with serving(portal.url, settings) as address:
        chat, dashboard = address.course_ports
        async with socket(chat, "/"), socket(dashboard, "/"):
            with pytest.raises((InvalidHandshake, OSError)):
                async with socket(address.port, "/chat"):
                    pass
