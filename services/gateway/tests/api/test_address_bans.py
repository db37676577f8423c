"""Addresses of users, and banned addresses: at two gateways behind a proxy."""

import asyncio

import httpx
import pytest
from websockets.asyncio.client import connect

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import PATIENCE_SECONDS, close_code
from services.gateway.tests.kit.behind_proxy import (
    BANNED,
    CHAT,
    TwoGateways,
    forwarded_for,
    person_from,
    refused_hello,
    registered,
    socket_from,
    unique_name,
)
from services.gateway.tests.kit.course_clients import CourseClient
from services.gateway.tests.kit.token_mode import USERS, audit_entries

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_admin_can_look_up_a_users_addresses_and_ban_one(two: TwoGateways) -> None:
    name, elsewhere = unique_name("nomad"), "198.51.100.40"
    token = await registered(two.first, name, "203.0.113.40")

    async def addresses_of(admin: httpx.AsyncClient, name: str) -> list[str]:
        response = await admin.get(CHAT + "/addresses", params={"name": name})
        assert response.status_code == 200, response.text
        return [one["address"] for one in response.json()["addresses"]]

    async with two.admin() as admin:
        assert await addresses_of(admin, name) == []
        async with person_from(two.first, token, "203.0.113.40"):
            pass
        async with (
            person_from(two.first, token, elsewhere),
            person_from(two.second, token, "2001:db8:40::7") as first_reader,
        ):
            found = await until_answer(
                lambda: addresses_of(admin, name.upper()), lambda found: len(found) == 3
            )
            assert set(found) == {"203.0.113.40", elsewhere, "2001:db8:40::/64"}
            ban = await admin.post(CHAT + "/bans", json={"address": "2001:db8:40::/64"})
            assert ban.status_code == 201, ban.text
            assert await first_reader.closed() == BANNED
            assert (await admin.delete(f"{CHAT}/restrictions/{ban.json()['id']}")).status_code == 204
        # Recent addresses stay listed, after those of present connections.
        async with person_from(two.second, token, "203.0.113.41"):
            await until_answer(lambda: addresses_of(admin, name), lambda found: found[0] == "203.0.113.41")
        entry = (await audit_entries(admin, two.tokens, name, 1))[-1]
        assert (entry["action"], entry["outcome"], entry["actor"]) == ("locate", "accepted", "the admin")


async def test_an_admin_can_look_up_a_course_clients_address(two: TwoGateways) -> None:
    name, address = unique_name("carol"), "198.51.100.78"
    async with two.second.requests() as client, socket_from(two.second, "/chat", address) as socket:
        response = await client.post("/chat/new-user", json={"name": name}, headers=forwarded_for(address))
        assert response.status_code == 200, response.text
        carol = CourseClient(socket)
        await carol.sees(response.json()["user"])
        await carol.send({"type": "send", "message": "hi", "user": {"name": name}})
        await carol.message()
        async with two.admin() as admin:
            reply = (await admin.get(CHAT + "/addresses", params={"name": name})).json()
            assert [one["address"] for one in reply["addresses"]] == [address]
            assert (await admin.post(CHAT + "/bans", json={"address": address})).status_code == 201
            assert await close_code(socket) == BANNED


@pytest.mark.parametrize(
    ("banned", "neighbour", "other"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("2001:db8:1::7", "2001:db8:1::beef", "2001:db8:2::7"),
    ],
    ids=["version 4", "version 6"],
)
async def test_a_banned_address_is_rejected_by_every_route_of_every_gateway(
    two: TwoGateways, banned: str, neighbour: str, other: str
) -> None:
    viewer = two.tokens.header(Role.VIEWER)
    names = [unique_name("h") for _ in range(3)]
    tokens = [await registered(two.first, name, neighbour) for name in names[:2]]
    async with (
        person_from(two.first, tokens[0], neighbour) as first_reader,
        person_from(two.second, tokens[1], neighbour) as second_reader,
        person_from(two.second, tokens[0], other) as elsewhere,
        socket_from(two.second, "/chat", neighbour) as course,
        connect(
            two.first.ws + "/cloud", additional_headers=viewer | forwarded_for(neighbour), compression=None
        ) as dashboard,
        two.first.requests() as client,
        client.stream("GET", "/api/v1/cloud/events", headers=viewer | forwarded_for(neighbour)) as events,
        client.stream("GET", "/cloud/sse", headers=viewer | forwarded_for(neighbour)) as course_events,
        two.admin() as admin,
    ):
        ban = (await admin.post(CHAT + "/bans", json={"address": banned})).json()
        for socket in (first_reader.socket, second_reader.socket, course, dashboard):
            assert await close_code(socket) == BANNED
        async with asyncio.timeout(PATIENCE_SECONDS):
            for stream in (events, course_events):
                async for _ in stream.aiter_bytes():
                    pass
        assert (await elsewhere.say("still here"))["type"] == "ack"
        await _refused_everywhere(two, neighbour)
        for gateway in (two.first, two.second):
            error, code = await refused_hello(gateway, tokens[0], neighbour)
            assert (error["code"], code) == ("banned", BANNED)
            for path in ("/chat", "/cloud"):
                async with socket_from(gateway, path, neighbour) as socket:
                    assert await close_code(socket) == BANNED
        await registered(two.first, names[2], other)
        assert (await admin.delete(f"{CHAT}/restrictions/{ban['id']}")).status_code == 204
    await registered(two.second, unique_name("h"), neighbour)


async def _refused_everywhere(two: TwoGateways, address: str) -> None:
    """Check that every route of both APIs returns 403; only the page itself can still be loaded."""
    for gateway in (two.first, two.second):
        async with gateway.requests() as client:
            client.headers.update(forwarded_for(address))
            paths = (await client.get("/openapi.json")).json()["paths"]
            addresses_of = [
                (method.upper(), path.replace("{room}", "general").replace("{", "").replace("}", ""))
                for path, methods in paths.items()
                for method in methods
                if path.startswith("/api/v1")
            ]
            assert len(addresses_of) > 15
            for method, path in addresses_of:
                body = {"name": "x"} if (method, path) == ("POST", USERS) else None
                headers = two.tokens.header(Role.OPERATOR)
                response = await client.request(method, path, json=body, headers=headers)
                assert (response.status_code, response.json()["code"]) == (403, "banned"), path
            for method, path in (
                ("POST", "/chat/new-user"),
                ("GET", "/cloud/"),
                ("POST", "/cloud/"),
                ("GET", "/cloud/sse"),
            ):
                response = await client.request(method, path, json={"name": "x"})
                assert response.status_code == 403, path
                assert "your address is banned" in response.json()["message"]
