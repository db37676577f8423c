"""Incidents over HTTP: from the command to the report, for those who may see them."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, bearer, registered, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

INCIDENTS = "/api/v1/incidents"
ROOMS = "/api/v1/chat/rooms"


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def incidents(portal: Portal) -> AsyncIterator[None]:
    """The service that keeps incidents."""
    async with incidents_at(portal.url):
        yield


async def asked(who: Person, address: Address, method: str, path: str, **more: Any) -> httpx.Response:
    async with address.requests() as client:
        return await client.request(method, path, headers=bearer(who.token), **more)


async def read(who: Person, address: Address, path: str = "", **query: Any) -> dict[str, Any]:
    response = await asked(who, address, "GET", f"{INCIDENTS}{path}", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def opened(who: Person, address: Address, title: str, room: str = "general") -> dict[str, Any]:
    """Open an incident, and wait until it is there."""
    assert (await who.request("send", room=room, text=f"/incident {title}"))["type"] == "ack"

    async def find() -> list[dict[str, Any]]:
        listed = (await read(who, address, limit=50))["incidents"]
        return [one for one in listed if one["title"] == title]

    (found,) = await until_answer(find, bool)
    return found


async def test_an_incident_is_led_closed_and_reopened(address: Address) -> None:
    async with person(address) as ann:
        incident = await opened(ann, address, f"Slow {uuid4().hex}")
        path = f"{INCIDENTS}/{incident['id']}"
        name = ann.welcome["user"]["name"]
        for action, status in (
            ("lead", "acknowledged"),
            ("acknowledge", "acknowledged"),
            ("close", "closed"),
            ("reopen", "acknowledged"),
        ):
            response = await asked(ann, address, "POST", f"{path}/{action}")
            assert response.status_code == 200, response.text
            assert response.json()["incident"]["status"] == status
        shown = await read(ann, address, f"/{incident['id']}")
        assert [one["kind"] for one in shown["changes"]] == ["opened", "lead", "closed", "reopened"]
        assert {one["by"] for one in shown["changes"]} == {name}
        assert "request" not in shown["changes"][0]
        assert (await read(ann, address, id=incident["id"], status="closed"))["incidents"] == []
        headers = {**bearer(ann.token), "Idempotency-Key": "once"}
        async with address.requests() as client:
            for _ in range(2):
                assert (await client.post(f"{path}/close", headers=headers)).status_code == 200
        assert (await asked(ann, address, "POST", f"{path}/lead")).json()["code"] == "invalid_request"
        missing = await asked(ann, address, "POST", f"{INCIDENTS}/nothing/close")
        assert (missing.status_code, missing.json()["code"]) == (404, "incident_unknown")


async def test_the_report_has_every_line_once(address: Address) -> None:
    name = f"web-{uuid4().hex[:8]}"
    async with person(address) as ann, person(address) as bob:
        incident = await opened(ann, address, f"Slow {name}")
        thread = {"thread": incident["id"]}
        await bob.request("send", text="Who is on it?", **thread)
        wrong = await bob.request("send", text="a secret that is removed", **thread)
        typo = await bob.request("send", text="teh typo", **thread)
        await ann.request("send", text=f"/create as {name}", **thread)
        await asked(ann, address, "POST", f"{INCIDENTS}/{incident['id']}/lead")
        await bob.request("delete", id=wrong["id"])
        await bob.request("edit", id=typo["id"], text="the typo")

        async def report() -> dict[str, Any]:
            return await read(ann, address, f"/{incident['id']}/report", format="json")

        def is_done(found: dict[str, Any]) -> bool:
            cards = [one for one in found["lines"] if one["kind"] == "card"]
            events = [one.get("event") for one in found["lines"]]
            return "created" in events and any("[succeeded]" in one["text"] for one in cards)

        made = await until_answer(report, is_done, 60)
        lines = made["lines"]
        me, other = ann.welcome["user"]["name"], bob.welcome["user"]["name"]
        assert sorted(
            (one["kind"], one["who"], one["text"]) for one in lines if one["kind"] != "operation"
        ) == (
            sorted(
                [
                    (
                        "card",
                        "opsroom",
                        next(one["text"] for one in lines if one.get("id") == incident["id"]),
                    ),
                    ("change", me, "opened the incident"),
                    ("message", other, "Who is on it?"),
                    ("message", other, "the typo"),
                    ("command", me, f"/create as {name}"),
                    ("card", "opsroom", f"[succeeded] create {name}"),
                    ("change", me, "took the lead"),
                ]
            )
        )
        events = [one for one in lines if one["kind"] == "operation"]
        assert [one["event"] for one in events] == ["received", "created"]
        assert {(one["server"], one["who"]) for one in events} == {(name, me)}
        assert len({(one["kind"], one["seq"]) for one in lines}) == len(lines)
        response = await asked(bob, address, "GET", f"{INCIDENTS}/{incident['id']}/report")
        assert response.headers["content-type"].startswith("text/markdown")
        assert len(re.findall(r"^- \d{4}-", response.text, re.MULTILINE)) == len(lines)
        assert "a secret that is removed" not in response.text
        assert "teh typo" not in response.text


async def test_nobody_learns_of_an_incident_in_a_private_room(address: Address) -> None:
    """Defense: the chat service decides with each request, and all refusals have the same words."""
    async with person(address) as ann, person(address) as eve:
        room = await RoomUser.of(address, ann).create(f"Secret {uuid4().hex}", private=True)
        incident = await opened(ann, address, f"Leak {uuid4().hex}", room)
        real, absent = incident["id"], uuid4().hex
        assert (await read(ann, address, f"/{real}"))["incident"]["room"] == room
        doors = [("GET", ""), ("GET", "/report"), ("GET", "/report?format=json")]
        doors += [("POST", f"/{action}") for action in ("lead", "acknowledge", "close", "reopen")]
        async with address.requests() as client:
            for method, path in doors:
                for headers in (bearer(eve.token), {}):
                    found = [
                        await client.request(method, f"{INCIDENTS}/{one}{path}", headers=headers)
                        for one in (real, absent)
                    ]
                    texts = [one.text.replace(real, "ID").replace(absent, "ID") for one in found]
                    assert found[0].status_code >= 400
                    assert (found[0].status_code, texts[0]) == (found[1].status_code, texts[1])
            for query in ("", f"?room={room}", f"?id={real}", "?status=open&limit=50"):
                for headers in (bearer(eve.token), {}):
                    page = await client.get(f"{INCIDENTS}{query}", headers=headers)
                    assert real not in page.text
                    assert "Leak" not in page.text
        past = await asked(eve, address, "GET", f"{ROOMS}/{room}/messages?at={incident['seq']}")
        assert past.json()["code"] == "room_unknown"


async def test_what_became_of_commands_is_for_those_who_see_servers(
    portal: Portal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    name = f"web-{uuid4().hex[:8]}"
    async with token_mode_gateway(portal, tokens) as strict, strict.requests() as client:
        as_role = {
            role: bearer(await registered(client, f"{role.value}-{uuid4().hex[:6]}", tokens.header(role)))
            for role in Role
        }
        operator = as_role[Role.OPERATOR]
        room = f"{ROOMS}/general/messages"
        root = (await client.post(room, json={"text": f"{name} is odd"}, headers=operator)).json()["id"]
        for text in ("/incident", f"/create as {name}"):
            body = {"text": text, "thread": root}
            assert (await client.post(room, json=body, headers=operator)).status_code == 201

        async def kinds(role: Role) -> set[str]:
            path = f"{INCIDENTS}/{root}/report?format=json"
            response = await client.get(path, headers=as_role[role])
            return {one["kind"] for one in response.json().get("lines", ())}

        await until_answer(lambda: kinds(Role.ADMIN), lambda found: {"audit", "operation"} <= found, 60)
        assert "operation" in await kinds(Role.VIEWER)
        assert "audit" not in await kinds(Role.OPERATOR)
        assert await kinds(Role.MEMBER) >= {"message", "command", "change"}
        assert not {"operation", "audit"} & await kinds(Role.MEMBER)
        assert (await client.get(INCIDENTS)).status_code in {401, 403}
