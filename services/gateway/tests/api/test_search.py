"""`GET /api/v1/search`: messages, servers and the Worklog in one reply, and what it refuses."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def get(portal: Portal, token: str | None, **query: Any) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with portal.gateway.requests() as client:
        return await client.get("/api/v1/search", params=query, headers=headers)


async def found(portal: Portal, token: str | None, **query: Any) -> dict[str, Any]:
    response = await get(portal, token, **query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def until_found(portal: Portal, token: str, q: str, count: int = 1) -> dict[str, Any]:
    """Search until this many messages are found: the index follows within a second."""
    return await until_answer(lambda: found(portal, token, q=q), lambda body: len(body["messages"]) == count)


async def send(sender: Person, room: str, text: str) -> None:
    await sender.send({"type": "send", "clientId": text, "room": room, "text": text})
    assert (await sender.receive("ack", "error"))["type"] == "ack"


async def create_server(portal: Portal, **body: Any) -> str:
    async with portal.gateway.requests() as client:
        response = await client.post("/api/v1/cloud/instances", json=body, headers={"Opsroom-Name": "tester"})
        assert response.status_code == 202, response.text
        instance: str = response.json()["operation"]["instanceId"]
        return instance


async def test_one_request_finds_messages_servers_and_the_worklog(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        await create_server(portal, name="kumquat-1", labels={"env": "prod"})
        await send(ann, "general", "Restarting kumquat-1, see the log")
        body = await until_found(portal, ann.token, "kumquat")
        [hit] = body["messages"]
        [span] = hit["highlights"]
        assert hit["message"]["text"][span["start"] : span["end"]] == "kumquat"
        assert [server["name"] for server in body["servers"]] == ["kumquat-1"]
        assert {event["type"] for event in body["worklog"]} <= {"received", "created"}
        assert body["worklog"]
        assert (body["complete"], "next" in body) == (True, False)
        assert (await found(portal, ann.token, q="env prod kumquat"))["servers"]
        only_messages = await found(portal, ann.token, q="kumquat in:general")
        assert (only_messages["servers"], only_messages["worklog"]) == ([], [])
        by_actor = await found(portal, ann.token, **{"q": "kumquat", "from": "Tester"})
        assert (by_actor["messages"], by_actor["servers"]) == ([], [])
        assert by_actor["worklog"]


async def test_a_cursor_leads_through_all_groups(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        for number in range(5):
            await create_server(portal, name=f"pomelo-{number}")
            await send(ann, "general", f"pomelo {number}")
        await until_found(portal, ann.token, "pomelo ", 5)
        texts: list[str] = []
        servers: list[str] = []
        events: list[int] = []
        query: dict[str, Any] = {"q": "pomelo ", "limit": 2}
        while True:
            body = await found(portal, ann.token, **query)
            texts += [hit["message"]["text"] for hit in body["messages"]]
            servers += [server["name"] for server in body["servers"]]
            events += [event["seq"] for event in body["worklog"]]
            if "next" not in body:
                break
            query["cursor"] = body["next"]
        assert texts == [f"pomelo {number}" for number in reversed(range(5))]
        assert servers == [f"pomelo-{number}" for number in range(5)]
        assert len(events) >= 5
        assert events == sorted(set(events), reverse=True)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 422, "q"),
        ({"q": "?"}, 422, "q"),
        ({"q": "x" * 257}, 422, "q"),
        ({"q": "x " * 17}, 422, "q"),
        ({"q": "x before:soon"}, 422, "before"),
        ({"q": "x", "after": "yesterday"}, 422, "after"),
        ({"q": "x has:cake"}, 422, "has"),
        ({"q": "x", "in": "nowhere"}, 404, "in"),
        ({"q": "x", "limit": 51}, 422, "limit"),
        ({"q": "x", "cursor": "?"}, 422, "cursor"),
        ({"q": "x", "cursor": "AAAA"}, 422, "cursor"),
        ({"q": "x", "cursor": "e30"}, 422, "cursor"),
        ({"q": "x", "cursor": "eyJtZXNzYWdlcyI6NSwiZXBvY2giOiJvdGhlciJ9"}, 422, "cursor"),
        ({"q": "x", "cursor": "eyJ3b3JrbG9nIjo1LCJ3b3JrbG9nRXBvY2giOiJvdGhlciJ9"}, 422, "cursor"),
    ],
)
async def test_errors_name_the_field(portal: Portal, query: dict[str, Any], status: int, field: str) -> None:
    response = await get(portal, None, **query)
    problem = response.json()
    assert (response.status_code, problem["field"]) == (status, field), problem


async def test_guests_and_removed_members_find_nothing_of_a_private_room(portal: Portal) -> None:
    async with AsyncExitStack() as stack:
        ann, bob = [await stack.enter_async_context(person(portal.gateway)) for _ in range(2)]
        ann_http = RoomUser.of(portal.gateway, ann)
        room = await ann_http.create("Quiet", private=True)
        user = bob.welcome["user"]["id"]
        await ann_http.act(f"/rooms/{room}/invite", {"users": [user]})
        await ann.receive("room")
        await send(ann, room, "durian secret")
        await until_found(portal, bob.token, "durian ")
        await ann_http.act(f"/rooms/{room}/members/{user}", method="DELETE")
        for token in (bob.token, None):
            body = await found(portal, token, q="durian ")
            assert (body["messages"], "next" in body) == ([], False)
            for guess in (room, "Quiet"):
                refused = await get(portal, token, q=f"durian in:{guess}")
                absent = await get(portal, token, q=f"durian in:{'z' * len(guess)}")
                assert refused.status_code == absent.status_code == 404
                assert refused.text.replace(guess, "") == absent.text.replace("z" * len(guess), "")
        assert len((await found(portal, ann.token, q="durian in:quiet "))["messages"]) == 1


async def test_searches_are_limited(portal: Portal) -> None:
    settings = gateway_settings(exempt_addresses=(), searches_per_second=0.001, searches_burst=2)
    async with serving(portal.url, settings) as address:
        async with address.requests() as client:
            responses = [await client.get("/api/v1/search", params={"q": "x"}) for _ in range(3)]
        assert [response.status_code for response in responses] == [200, 200, 429]
        assert responses[-1].json()["code"] == "rate_limited"


async def test_many_searches_at_once_are_served(portal: Portal) -> None:
    responses = await asyncio.gather(*(get(portal, None, q=f"word{number}") for number in range(40)))
    assert {response.status_code for response in responses} == {200}
