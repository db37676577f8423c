"""What one caller may cost: sizes, times, numbers and rates, and that others are not disturbed."""

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
from services.gateway.tests.api_clients import events, person, raw_socket, token_of
from services.gateway.tests.portal import Address, Portal, gateway_settings, portal_at, serving

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
    """A gateway with limits that a test reaches, and no one exempt from them."""
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
async def test_no_route_takes_a_body_over_the_limit(strict: Address, path: str) -> None:
    async with strict.requests() as client:
        for body in (b"x" * 2049, chunks(b"x" * 2049)):
            answer = await client.post(path, content=body)
            course = path.startswith(("/chat", "/cloud"))  # its clients know 400 alone
            assert answer.status_code == (400 if course else 413)
            assert "2048" in answer.text


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    """A body without a declared length."""
    yield body[:1000]
    yield body[1000:]


async def test_deep_json_is_refused_and_named(strict: Address) -> None:
    async with strict.requests() as client:
        answer = await client.post(USERS, content=b'{"name":' + b"[" * 33 + b"]" * 33 + b"}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert "32 deep" in answer.json()["detail"]


async def test_slow_headers_and_slow_bodies_are_ended(portal: Portal) -> None:
    # Times of their own: where all tests had them, a busy machine would be refused what it asks for.
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


async def test_endless_headers_are_ended(strict: Address) -> None:
    answer = await raw(strict, b"GET / HTTP/1.1\r\n" + b"X-Filler: 0123456789\r\n" * 300)
    assert answer.startswith(b"HTTP/1.1 431")


async def test_registrations_of_an_address_are_limited_together_by_all_gateways(portal: Portal) -> None:
    async with AsyncExitStack() as stack:
        settings = gateway_settings(**(STRICT | {"registrations_per_minute": 6}))
        one = await stack.enter_async_context(serving(portal.url, settings))
        two = await stack.enter_async_context(serving(portal.url, settings))
        for _ in range(6):
            await token_of(one)
        async with two.requests() as client, asyncio.timeout(PATIENCE_SECONDS):
            answer = await client.post(USERS, json={"name": "flood"})
            while answer.status_code != 429:
                answer = await client.post(USERS, json={"name": "flood"})
        assert answer.json()["code"] == "rate_limited"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["retryAfter"] > 0
        async with one.requests() as client:
            course = await client.post("/chat/new-user", json={"name": "flood"})
        assert (course.status_code, course.json()["status"]) == (429, "error")


async def test_a_flood_of_messages_is_refused_with_the_time_to_come_back_and_others_go_on(
    strict: Address,
) -> None:
    async with person(strict) as flooder, person(strict) as other:
        answers = [await flooder.say(f"{n}") for n in range(6)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert refused
        assert {answer["code"] for answer in refused} == {"rate_limited"}
        assert (await other.say("undisturbed"))["type"] == "ack"
        assert 0 < refused[-1]["retryAfter"] < 5
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await flooder.say("again"))["type"] != "ack":
                pass


async def test_a_course_client_that_floods_is_read_slowly_and_loses_nothing(strict: Address) -> None:
    async with connect(strict.ws + "/chat/", max_queue=None) as socket:
        for n in range(6):
            await socket.send(json.dumps({"type": "send", "message": f"{n}", "user": {"name": "x"}}))
        told: list[str] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(told) < 6:
                frame = json.loads(await socket.recv())
                if isinstance(frame, dict):
                    told.append(frame["message"])
        assert told == [f"{n}" for n in range(6)]


async def test_commands_are_limited(strict: Address) -> None:
    token = await token_of(strict)
    async with strict.requests() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        while (answer := await client.post(INSTANCES)).status_code == 202 or "pending" in answer.text:
            pass
        assert answer.json()["code"] == "rate_limited"
        assert "Retry-After" in answer.headers


async def test_commands_sent_at_once_to_several_gateways_pass_no_limit_of_pending_ones(
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
            answers = await asyncio.gather(*(c.post(INSTANCES) for _ in range(20) for c in (first, second)))
            accepted = [answer for answer in answers if answer.status_code == 202]
            refused = [answer for answer in answers if answer.status_code != 202]
            assert len(accepted) >= 2
            assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {
                (429, "rate_limited")
            }
            assert all(f"{name} has 2 operations pending" in answer.text for answer in refused)
            assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
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


async def test_connections_of_an_address_are_limited_and_freed(strict: Address) -> None:
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


async def test_silent_connections_of_an_address_are_limited(strict: Address) -> None:
    writers = [(await asyncio.open_connection("127.0.0.1", strict.port))[1] for _ in range(12)]
    assert (await raw(strict, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 429")
    for writer in writers:
        writer.close()


async def test_an_idle_course_socket_that_is_nobodys_is_closed(strict: Address) -> None:
    async with connect(strict.ws + "/chat/") as socket, asyncio.timeout(PATIENCE_SECONDS):
        await socket.wait_closed()
    assert socket.close_code == 1001


async def codes(portal: Portal, told: list[str], **more: object) -> list[int]:
    """What registrations are answered that say by ``told`` from where they come; one an address is let in."""
    found = []
    async with serving(
        portal.url, gateway_settings(**(STRICT | {"registrations_per_minute": 1} | more))
    ) as at:
        for addresses in told:
            headers = {"X-Forwarded-For": addresses}
            async with httpx.AsyncClient(base_url=at.http, headers=headers) as client:
                answer = await client.post(USERS, json={"name": uuid4().hex})
                found.append(answer.status_code)
    return found


async def test_proxy_headers_count_only_from_where_they_are_trusted(portal: Portal) -> None:
    two = ["203.0.113.0", "203.0.113.1"]
    assert await codes(portal, two) == [201, 429]
    assert await codes(portal, two, trusted_proxies=("127.0.0.1",)) == [201, 201]
    # Exempt is who speaks for itself, not whom an undeclared proxy speaks for, though another is declared.
    for others in ((), ("10.0.0.0/8",), ("railway",)):
        exempt = {"exempt_addresses": ("127.0.0.1",), "trusted_proxies": others}
        assert await codes(portal, two, **exempt) == [201, 429]


async def test_clients_behind_the_edge_of_a_host_are_told_apart(portal: Portal) -> None:
    edge = "172.70.247.28, 10.19.6.53"
    many = [f"203.0.113.{n}, {edge}" for n in range(40)]
    assert await codes(portal, many, trusted_proxies=("render",)) == [201] * 40
    forged = [f"{invented}, 203.0.113.1, {edge}" for invented in ("127.0.0.1", "10.0.0.1", "198.51.100.7")]
    assert await codes(portal, forged, trusted_proxies=("render",)) == [201, 429, 429]
