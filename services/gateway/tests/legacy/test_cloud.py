"""The course contract's dashboard: list, commands, stream and sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 30.0
FIELDS = {"type", "id", "state", "info", "timestamp", "timeStamp"}


@asynccontextmanager
async def stream(address: Address) -> AsyncIterator[AsyncIterator[str]]:
    """Open the event stream. Yields its raw text, event by event."""
    async with address.requests() as client, client.stream("GET", "/cloud/sse") as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Access-Control-Allow-Origin"] == "*"

        async def blocks() -> AsyncIterator[str]:
            waiting = ""
            async for text in response.aiter_text():
                waiting += text
                while "\n\n" in waiting:
                    block, _, waiting = waiting.partition("\n\n")
                    yield block

        yield blocks()


async def event(blocks: AsyncIterator[str]) -> dict[str, Any]:
    """Return the data of the next event, after checking its exact format."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for block in blocks:
            if block.startswith(":"):
                continue
            place, name, data = block.split("\n")
            assert place.removeprefix("id: ").isdigit()
            assert name == "event: message"
            found: dict[str, Any] = json.loads(data.removeprefix("data: "))
            assert set(found) == FIELDS
            assert found["timestamp"] == found["timeStamp"]
            return found
    raise AssertionError("the stream ended")


async def create(http: httpx.AsyncClient, blocks: AsyncIterator[str]) -> str:
    """Create an instance and wait until it exists. Returns its id."""
    response = await http.post("/cloud")
    assert (response.status_code, response.json()) == (201, {"status": "OK"})
    while (received_event := await event(blocks))["type"] != "created":
        pass
    found: str = received_event["id"]
    return found


async def ids(http: httpx.AsyncClient) -> dict[str, str]:
    listed = (await http.get("/cloud/")).json()
    assert all(set(one) == {"id", "state", "timestamp"} for one in listed)
    return {one["id"]: one["state"] for one in listed}


async def test_every_step_is_published_once_in_the_contracts_format(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with stream(address) as blocks:
        assert (await http.post("/cloud/", content="whatever")).status_code == 201
        received = await event(blocks)
        instance = received["id"]
        assert (received["type"], received["info"]) == ("received", "Create command")
        assert instance not in await ids(http)
        created = await event(blocks)
        assert (created["type"], created["info"], created["id"]) == ("created", "Created", instance)
        assert (await ids(http))[instance] == "stopped"
        for body, received_info, kind, info, state in (
            ({"state": "running"}, "Start command", "started", "Started", "running"),
            ({"action": "stop"}, "Stop command", "stopped", "Stopped", "stopped"),
            ({"action": "start"}, "Start command", "started", "Started", "running"),
            ({"state": "stopped"}, "Stop command", "stopped", "Stopped", "stopped"),
        ):
            response = await http.patch(f"/cloud/{instance}", json=body)
            assert (response.status_code, response.json()) == (200, {"status": "OK"})
            received_event = await event(blocks)
            assert (received_event["type"], received_event["info"], received_event["id"]) == (
                "received",
                received_info,
                instance,
            )
            received_event = await event(blocks)
            assert (received_event["type"], received_event["info"], received_event["state"]) == (
                kind,
                info,
                state,
            )
            assert (await ids(http))[instance] == state
        response = await http.delete(f"/cloud/{instance}")
        assert (response.status_code, response.json()) == (200, {"status": "OK"})
        assert (await event(blocks))["info"] == "Remove command"
        assert instance in await ids(http)
        assert (await event(blocks))["info"] == "Removed"
        assert instance not in await ids(http)


async def test_an_instance_can_be_removed_by_query_parameter(
    address: Address, http: httpx.AsyncClient
) -> None:
    async with stream(address) as blocks:
        instance = await create(http, blocks)
        response = await http.delete("/cloud/", params={"id": instance})
        assert (response.status_code, response.json()) == (200, {"status": "OK"})
        while (await event(blocks))["type"] != "removed":
            pass


@pytest.mark.parametrize(
    "path",
    [
        "/cloud/nope",
        "/cloud/?id=nope",
        "/cloud/",
        "/cloud/6f1ed002-ab5e-4c2b-9f0c-6d2b1a0c7e11",
        "/cloud/a.b",
    ],
)
async def test_an_unknown_instance_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    response = await http.delete(path)
    assert (response.status_code, response.json()) == (404, {"message": "Instance not found"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"str"',
        b"{}",
        b'{"state":"flying"}',
        b'{"action":7}',
        b"\xff",
        b"[" * 50_000,
    ],
)
async def test_an_invalid_change_is_rejected(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.patch(f"/cloud/{uuid4()}", content=body)
    assert response.status_code == 400
    assert set(response.json()) == {"message"}


async def test_invalid_commands_change_nothing(address: Address, http: httpx.AsyncClient) -> None:
    async with stream(address) as blocks:
        instance = await create(http, blocks)
        stopped = await http.patch(f"/cloud/{instance}", json={"action": "stop"})
        assert stopped.status_code == 409
        assert set(stopped.json()) == {"message"}
        assert (await http.delete(f"/cloud/{instance}")).status_code == 200
        for refused in (
            await http.delete(f"/cloud/{instance}"),
            await http.patch(f"/cloud/{instance}", json={"action": "start"}),
        ):
            assert refused.status_code == 409
            assert set(refused.json()) == {"message"}
        assert [(await event(blocks))["type"] for _ in range(2)] == ["received", "removed"]


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/Dashboard"])
async def test_another_mount_always_returns_the_old_servers_envelope(
    http: httpx.AsyncClient, path: str
) -> None:
    assert (await http.get(path)).json() == {"data": (await http.get("/cloud")).json()}


async def test_the_mount_with_the_envelope_has_everything_else_of_the_contract(address: Address) -> None:
    async with dashboard(address, "/dashboard/ws"), address.requests() as client:
        assert (await client.delete("/dashboard/", params={"id": "unknown"})).status_code == 404
        async with client.stream("GET", "/dashboard/sse") as events:
            assert events.headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize("path", ["/cloud", "/cloud/", "/CLOUD/", "/cloud/SSE/"])
async def test_paths_match_in_any_case_and_with_a_trailing_slash(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.head(path)).status_code == 200


async def test_the_old_servers_envelope_can_be_configured(portal: Portal, http: httpx.AsyncClient) -> None:
    async with serving(portal.url, gateway_settings(course_cloud_envelope=True)) as old:
        async with old.requests() as client:
            assert (await client.get("/cloud/")).json() == {"data": (await http.get("/cloud")).json()}


async def test_an_idle_stream_sends_comments(portal: Portal) -> None:
    async with serving(portal.url, gateway_settings(heartbeat_seconds=0.2)) as quick:
        async with stream(quick) as blocks, asyncio.timeout(PATIENCE_SECONDS):
            async for block in blocks:
                assert block.startswith(":")
                break


@asynccontextmanager
async def dashboard(address: Address, path: str = "/cloud") -> AsyncIterator[ClientConnection]:
    """Open a dashboard's socket and read the greeting."""
    async with connect(address.ws + path, compression=None) as socket:
        assert await receive(socket) == "connection"
        yield socket


async def receive(socket: ClientConnection) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await socket.recv())


@pytest.mark.parametrize("path", ["/cloud", "/cloud/", "/cloud/ws", "/cloud//ws"])
@pytest.mark.parametrize("binary", [False, True])
async def test_a_sockets_toggle_is_announced_to_every_socket(
    address: Address, http: httpx.AsyncClient, path: str, binary: bool
) -> None:
    async with stream(address) as blocks:
        instance = await create(http, blocks)
    async with dashboard(address, path) as one, dashboard(address, path) as other:
        for frame, state in (
            ({"id": instance}, "running"),
            ({"id": instance}, "stopped"),
            ({"id": instance, "action": "start"}, "running"),
            ({"id": instance, "action": "stop"}, "stopped"),
        ):
            text = json.dumps(frame)
            await one.send(text.encode() if binary else text)
            assert await receive(one) == [{"id": instance, "state": state}]
            assert await receive(other) == [{"id": instance, "state": state}]


async def test_a_command_for_an_unknown_instance_gets_an_empty_list(address: Address) -> None:
    async with dashboard(address) as one, dashboard(address) as other:
        await one.send('{"id":"nope"}')
        assert await receive(one) == []
        assert await receive(other) == []


async def test_an_invalid_command_gets_the_present_state(address: Address, http: httpx.AsyncClient) -> None:
    async with stream(address) as blocks:
        instance = await create(http, blocks)
    async with dashboard(address) as socket:
        await socket.send(json.dumps({"id": instance, "action": "stop"}))
        assert await receive(socket) == [{"id": instance, "state": "stopped"}]
        await socket.send(json.dumps({"id": instance, "action": "dance"}))
        assert await receive(socket) == [{"id": instance, "state": "stopped"}]


@pytest.mark.parametrize(
    "frame", ["", "null", "[]", "7", '"x"', "{", "[" * 50_000, b"\xff", '{"id":{"a":1}}']
)
async def test_malformed_frames_are_ignored(address: Address, frame: str | bytes) -> None:
    async with dashboard(address) as socket:
        await socket.send(frame)
        await socket.send('{"id":"marker"}')
        while await receive(socket) != []:
            pass


async def test_preflights_succeed_for_every_method(http: httpx.AsyncClient) -> None:
    response = await http.options(
        "/cloud/some-id",
        headers={
            "Origin": "https://anywhere.example",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "content-type,x-own",
        },
    )
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Headers"] == "content-type,x-own"
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(
        response.headers["Access-Control-Allow-Methods"].split(", ")
    )
