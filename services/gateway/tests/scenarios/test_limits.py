"""Limits per client: sizes, times, numbers and rates, without effects on others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.api_clients import close_code, events, person, raw_socket, token_of
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, portal_at, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

USERS = "/api/v1/chat/users"
INSTANCES = "/api/v1/cloud/instances"
STRICT = {
    "exempt_addresses": (),
    "registrations_per_minute": 6,
    "messages_per_second": 2.0,
    "messages_burst": 3,
    "commands_per_second": 2.0,
    "commands_burst": 4,
    "pending_operations": 2,
    "connections_per_address": 12,
    "header_bytes": 4096,
    "body_bytes": 2048,
    "course_idle_seconds": 1,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def portal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    """A portal that shares one broker with the strict gateways of these tests."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url) as whole:
        yield whole
    await process.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal) -> AsyncIterator[Address]:
    """A gateway with limits that a test can reach, and without exempt addresses."""
    async with serving(portal.url, gateway_settings(**STRICT)) as address:
        yield address


async def raw(address: Address, data: bytes) -> bytes:
    """Send ``data``, and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    writer.write(data)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "path", [USERS, INSTANCES, "/chat/new-user", "/cloud/", "/cloud/x", "/readyz", "/nothing/here"]
)
async def test_every_route_rejects_a_body_over_the_limit(strict: Address, path: str) -> None:
    async with strict.requests() as client:
        for body in (b"x" * 2049, chunks(b"x" * 2049)):
            response = await client.post(path, content=body)
            course = path.startswith(("/chat", "/cloud"))  # its clients only know 400
            assert response.status_code == (400 if course else 413)
            assert "2048" in response.text


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body without a declared length."""
    yield body[:1000]
    yield body[1000:]


async def test_deeply_nested_json_is_rejected_with_the_reason(strict: Address) -> None:
    async with strict.requests() as client:
        response = await client.post(USERS, content=b'{"name":' + b"[" * 33 + b"]" * 33 + b"}")
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
        assert "32 deep" in response.json()["detail"]


async def test_slow_headers_and_bodies_time_out(portal: Portal) -> None:
    # Only for this test: on a busy machine the other tests would run into these timeouts.
    settings = gateway_settings(**(STRICT | {"header_seconds": 0.4, "body_seconds": 0.4}))
    async with serving(portal.url, settings) as hasty:
        await slow_ones_are_ended(hasty)


async def slow_ones_are_ended(hasty: Address) -> None:
    assert (await raw(hasty, b"GET /healthz HTTP/1.1\r\nHost: x\r\n")).startswith(b"HTTP/1.1 408")
    assert (await raw(hasty, b"")).startswith(b"HTTP/1.1 408")
    start = b"POST /api/v1/chat/users HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(start)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_too_large_headers_are_rejected(strict: Address) -> None:
    response = await raw(strict, b"GET / HTTP/1.1\r\n" + b"X-Filler: 0123456789\r\n" * 300)
    assert response.startswith(b"HTTP/1.1 431")


async def test_the_registration_limit_of_an_address_is_shared_by_all_gateways(portal: Portal) -> None:
    async with AsyncExitStack() as stack:
        settings = gateway_settings(**(STRICT | {"registrations_per_minute": 6}))
        one = await stack.enter_async_context(serving(portal.url, settings))
        two = await stack.enter_async_context(serving(portal.url, settings))
        for _ in range(6):
            await token_of(one)
        async with two.requests() as client, asyncio.timeout(PATIENCE_SECONDS):
            response = await client.post(USERS, json={"name": "flood"})
            while response.status_code != 429:
                response = await client.post(USERS, json={"name": "flood"})
        assert response.json()["code"] == "rate_limited"
        assert int(response.headers["Retry-After"]) >= 1
        assert response.json()["retryAfter"] > 0
        async with one.requests() as client:
            course = await client.post("/chat/new-user", json={"name": "flood"})
        assert (course.status_code, course.json()["status"]) == (429, "error")


async def test_a_flood_of_messages_is_rate_limited_without_affecting_others(
    strict: Address,
) -> None:
    async with person(strict) as flooder, person(strict) as other:
        responses = [await flooder.say(f"{n}") for n in range(6)]
        refused = [response for response in responses if response["type"] == "error"]
        assert refused
        assert {response["code"] for response in refused} == {"rate_limited"}
        assert (await other.say("undisturbed"))["type"] == "ack"
        assert 0 < refused[-1]["retryAfter"] < 5
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await flooder.say("again"))["type"] != "ack":
                pass


async def test_sockets_of_an_address_that_join_again_and_again_are_told_to_wait(portal: Portal) -> None:
    limits = STRICT | {"joins_per_second": 0.01, "joins_burst": 2}
    async with serving(portal.url, gateway_settings(**limits)) as address:
        token = await token_of(address)
        for _ in range(2):
            async with person(address, token):
                pass
        async with raw_socket(address) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token}))
            async with asyncio.timeout(PATIENCE_SECONDS):
                refused = json.loads(await socket.recv())
            assert (refused["type"], refused["code"]) == ("error", "rate_limited")
            assert refused["retryAfter"] > 1
            assert await close_code(socket) == 1013


async def test_a_flooding_course_client_is_read_slowly_and_loses_nothing(strict: Address) -> None:
    async with connect(strict.ws + "/chat/", max_queue=None) as socket:
        for n in range(6):
            await socket.send(json.dumps({"type": "send", "message": f"{n}", "user": {"name": "x"}}))
        forwarded: list[str] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(forwarded) < 6:
                frame = json.loads(await socket.recv())
                if isinstance(frame, dict):
                    forwarded.append(frame["message"])
        assert forwarded == [f"{n}" for n in range(6)]


async def test_the_user_of_a_flooding_course_client_leaves_soon_after_it_has_closed(portal: Portal) -> None:
    """Not only once all that it has sent had its turn, which takes as long as it likes."""
    slow = STRICT | {"course_idle_seconds": 0, "registrations_per_minute": 0}
    async with serving(portal.url, gateway_settings(**slow)) as address:
        user = await register(address, "flooder", "Zed")
        async with course_client(address, "watcher") as watcher:
            async with course_client(address, "flooder") as flooder:
                await watcher.sees(user)
                for _ in range(200):  # at two a second
                    await flooder.send("x")
                flooder.socket.transport.abort()
            await watcher.misses(user)


async def test_commands_are_rate_limited(strict: Address) -> None:
    token = await token_of(strict)
    async with strict.requests() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        while (response := await client.post(INSTANCES)).status_code == 202 or "pending" in response.text:
            pass
        assert response.json()["code"] == "rate_limited"
        assert "Retry-After" in response.headers


async def test_concurrent_commands_to_several_gateways_stay_within_the_pending_quota(
    portal: Portal,
) -> None:
    roomy = {"commands_per_second": 100.0, "commands_burst": 100, "connections_per_address": 100}
    settings = gateway_settings(**(STRICT | roomy))
    async with serving(portal.url, settings) as one, serving(portal.url, settings) as two:
        name = f"p-{uuid4().hex[:20]}"
        token = await token_of(one, name)
        async with one.requests() as first, two.requests() as second:
            since = (await first.get(INSTANCES)).json()["seq"]
            for client in (first, second):
                client.headers["Authorization"] = f"Bearer {token}"
            responses = await asyncio.gather(*(c.post(INSTANCES) for _ in range(20) for c in (first, second)))
            accepted = [response for response in responses if response.status_code == 202]
            refused = [response for response in responses if response.status_code != 202]
            assert len(accepted) >= 2
            assert {(response.status_code, response.json()["code"]) for response in refused} == {
                (429, "rate_limited")
            }
            reason = f"{name} has 2 pending operations, and the limit is 2"
            assert all(reason in response.text for response in refused)
            assert all(int(response.headers["Retry-After"]) >= 1 for response in refused)
        pending: set[str] = set()
        ended = 0
        async with events(one, since) as stream:
            while ended < len(accepted):
                event = (await stream.next())["data"]
                if event["actor"] != name:
                    continue
                if event["type"] == "received":
                    pending.add(event["operationId"])
                    assert len(pending) <= 2
                else:
                    pending.remove(event["operationId"])
                    ended += 1


async def test_the_connection_limit_of_an_address_is_enforced_and_released(strict: Address) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(12):
            await stack.enter_async_context(raw_socket(strict))
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(raw_socket(strict))
        assert refused.value.response.status_code == 429
        async with strict.requests() as client:
            assert (await client.get("/healthz")).status_code == 429
    async with strict.requests() as client, asyncio.timeout(PATIENCE_SECONDS):
        while (await client.get("/healthz")).status_code != 200:
            pass


async def test_silent_connections_count_against_the_limit_of_an_address(strict: Address) -> None:
    writers = [(await asyncio.open_connection("127.0.0.1", strict.port))[1] for _ in range(12)]
    assert (await raw(strict, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 429")
    for writer in writers:
        writer.close()


async def test_an_idle_unbound_course_socket_is_closed(strict: Address) -> None:
    async with connect(strict.ws + "/chat/") as socket, asyncio.timeout(PATIENCE_SECONDS):
        await socket.wait_closed()
    assert socket.close_code == 1001


async def statuses(portal: Portal, forwarded: list[str], **overrides: object) -> list[int]:
    """Register once for each forwarded address, with a limit of one per address. Returns the statuses."""
    found = []
    async with serving(
        portal.url, gateway_settings(**(STRICT | {"registrations_per_minute": 1} | overrides))
    ) as at:
        for addresses in forwarded:
            headers = {"X-Forwarded-For": addresses}
            async with httpx.AsyncClient(base_url=at.http, headers=headers, timeout=30) as client:
                response = await client.post(USERS, json={"name": uuid4().hex})
                found.append(response.status_code)
    return found


async def test_forwarded_addresses_count_only_from_trusted_proxies(portal: Portal) -> None:
    two = ["203.0.113.0", "203.0.113.1"]
    assert await statuses(portal, two) == [201, 429]
    assert await statuses(portal, two, trusted_proxies=("127.0.0.1",)) == [201, 201]
    # Only direct clients are exempt, not those behind a proxy that is not trusted.
    for others in ((), ("10.0.0.0/8",), ("railway",)):
        exempt = {"exempt_addresses": ("127.0.0.1",), "trusted_proxies": others}
        assert await statuses(portal, two, **exempt) == [201, 429]


async def test_clients_behind_a_providers_edge_have_separate_limits(portal: Portal) -> None:
    edge = "172.70.247.28, 10.19.6.53"
    many = [f"203.0.113.{n}, {edge}" for n in range(40)]
    assert await statuses(portal, many, trusted_proxies=("render",)) == [201] * 40
    forged = [f"{invented}, 203.0.113.1, {edge}" for invented in ("127.0.0.1", "10.0.0.1", "198.51.100.7")]
    assert await statuses(portal, forged, trusted_proxies=("render",)) == [201, 429, 429]
