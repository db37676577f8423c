"""From where somebody is, and addresses banned: seen at two gateways, behind a proxy."""

import asyncio

import httpx
import pytest
from websockets.asyncio.client import connect

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.api_clients import PATIENCE_SECONDS, close_code
from services.gateway.tests.behind_proxy import (
    BANNED,
    CHAT,
    Guarded,
    person_from,
    refused_hello,
    registered,
    seen_from,
    socket_from,
    some,
)
from services.gateway.tests.course_clients import CourseClient
from services.gateway.tests.token_mode import USERS, audited

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_admin_learns_from_where_somebody_is_and_bans_that_address(two: Guarded) -> None:
    name, elsewhere = some("nomad"), "198.51.100.40"
    token = await registered(two.first, name, "203.0.113.40")

    async def asked(admin: httpx.AsyncClient, name: str) -> list[str]:
        answer = await admin.get(CHAT + "/addresses", params={"name": name})
        assert answer.status_code == 200, answer.text
        return [one["address"] for one in answer.json()["addresses"]]

    async with two.admin() as admin:
        assert await asked(admin, name) == []
        async with person_from(two.first, token, "203.0.113.40"):
            pass
        async with (
            person_from(two.first, token, elsewhere),
            person_from(two.second, token, "2001:db8:40::7") as audit_log,
        ):
            found = await until_answer(lambda: asked(admin, name.upper()), lambda found: len(found) == 3)
            assert set(found) == {"203.0.113.40", elsewhere, "2001:db8:40::/64"}
            ban = await admin.post(CHAT + "/bans", json={"address": "2001:db8:40::/64"})
            assert ban.status_code == 201, ban.text
            assert await audit_log.closed() == BANNED
            assert (await admin.delete(f"{CHAT}/restrictions/{ban.json()['id']}")).status_code == 204
        # Whoever left a moment ago is not yet forgotten, and comes after those who are here.
        async with person_from(two.second, token, "203.0.113.41"):
            await until_answer(lambda: asked(admin, name), lambda found: found[0] == "203.0.113.41")
        entry = (await audited(admin, two.tokens, name, 1))[-1]
        assert (entry["action"], entry["outcome"], entry["actor"]) == ("locate", "accepted", "the admin")


async def test_an_admin_learns_from_where_a_course_client_is(two: Guarded) -> None:
    name, address = some("carol"), "198.51.100.78"
    async with two.second.requests() as client, socket_from(two.second, "/chat", address) as socket:
        answer = await client.post("/chat/new-user", json={"name": name}, headers=seen_from(address))
        assert answer.status_code == 200, answer.text
        carol = CourseClient(socket)
        await carol.sees(answer.json()["user"])
        await carol.send({"type": "send", "message": "hi", "user": {"name": name}})
        await carol.message()
        async with two.admin() as admin:
            told = (await admin.get(CHAT + "/addresses", params={"name": name})).json()
            assert [one["address"] for one in told["addresses"]] == [address]
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
async def test_a_banned_address_is_out_at_every_door_of_every_gateway(
    two: Guarded, banned: str, neighbour: str, other: str
) -> None:
    viewer = two.tokens.header(Role.VIEWER)
    names = [some("h") for _ in range(3)]
    tokens = [await registered(two.first, name, neighbour) for name in names[:2]]
    async with (
        person_from(two.first, tokens[0], neighbour) as audit_log,
        person_from(two.second, tokens[1], neighbour) as there,
        person_from(two.second, tokens[0], other) as elsewhere,
        socket_from(two.second, "/chat", neighbour) as course,
        connect(
            two.first.ws + "/cloud", additional_headers=viewer | seen_from(neighbour), compression=None
        ) as dashboard,
        two.first.requests() as client,
        client.stream("GET", "/api/v1/cloud/events", headers=viewer | seen_from(neighbour)) as events,
        client.stream("GET", "/cloud/sse", headers=viewer | seen_from(neighbour)) as course_events,
        two.admin() as admin,
    ):
        ban = (await admin.post(CHAT + "/bans", json={"address": banned})).json()
        for socket in (audit_log.socket, there.socket, course, dashboard):
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
    await registered(two.second, some("h"), neighbour)


async def _refused_everywhere(two: Guarded, address: str) -> None:
    """No route of the API nor of the course contract answers anything else; the page itself may load."""
    for gateway in (two.first, two.second):
        async with gateway.requests() as client:
            client.headers.update(seen_from(address))
            paths = (await client.get("/openapi.json")).json()["paths"]
            asked = [
                (method.upper(), path.replace("{room}", "general").replace("{", "").replace("}", ""))
                for path, methods in paths.items()
                for method in methods
                if path.startswith("/api/v1")
            ]
            assert len(asked) > 15
            for method, path in asked:
                body = {"name": "x"} if (method, path) == ("POST", USERS) else None
                headers = two.tokens.header(Role.OPERATOR)
                answer = await client.request(method, path, json=body, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "banned"), path
            for method, path in (
                ("POST", "/chat/new-user"),
                ("GET", "/cloud/"),
                ("POST", "/cloud/"),
                ("GET", "/cloud/sse"),
            ):
                answer = await client.request(method, path, json={"name": "x"})
                assert answer.status_code == 403, path
                assert "your address is banned" in answer.json()["message"]
