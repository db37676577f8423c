"""Commands in what people say: read, authorized and refused by the gateway, and done by the services."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.calls import COMMAND_TRIGGER, CommandCaller
from opsroom_contracts.subjects import CHAT_STREAM, command_subject
from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import (
    INSTANCES,
    MESSAGES,
    Tokens,
    audit_entries,
    bearer,
    registered,
    token_mode_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def incidents(portal: Portal) -> AsyncIterator[None]:
    """The service that does commands."""
    broker = await connect(portal.url, name="incidents")
    try:
        async with incidents_service(broker, IncidentsSettings()):
            yield
    finally:
        await broker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode, which accepts guests."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


def unique(stem: str) -> str:
    """Return a name that no other test uses."""
    return f"{stem}-{uuid4().hex[:8]}"


async def texts(client: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    """Return the last texts of the room."""
    found: list[dict[str, Any]] = (await client.get(MESSAGES, headers=headers)).json()["messages"]
    return [one["text"] for one in found]


async def test_a_command_is_done_and_replied_to(address: Address, incidents: None) -> None:
    name = unique("web")
    async with person(address) as ann, person(address) as bob:
        assert (await ann.say(f"/create as {name} label:team=red"))["type"] == "ack"
        message = await bob.receive("message")
        assert (message["text"], message["command"]) == (
            f"/create as {name} label:team=red",
            {"name": "create"},
        )
        reply = await bob.receive("message")
        assert reply["user"] == {"id": "bot-opsroom", "name": "opsroom"}
        assert reply["text"].startswith(f"[running] create {name}\n")
        assert set(message) == {
            "type", "seq", "id", "room", "user", "text", "timestamp", "clientId", "command"
        }  # fmt: skip
    async with address.requests() as client:
        listed = (await client.get(INSTANCES)).json()["instances"]
        assert {"team": "red"} in [one["labels"] for one in listed if one["name"] == name]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("/dance", "there is no command /dance: see /help"),
        ("/etc/hosts", "begin with // to send it as text"),
        ("/start", "name servers, or select them with label:KEY=VALUE (servers, character 7)"),
        ("/logs web-1 none", "must be a number from 1 to 100 (lines, character 13)"),
        ("/help", "/help is answered by the program that you chat with"),
        ("/search me", "/search is answered by"),
    ],
)
async def test_what_is_no_command_is_refused_and_not_stored(address: Address, text: str, detail: str) -> None:
    async with person(address) as ann:
        error = await ann.say(text)
        assert (error["type"], error["code"], error["field"]) == ("error", "invalid_request", "text")
        assert detail in error["message"]
        async with address.requests() as client:
            response = await client.post(MESSAGES, json={"text": text}, headers=bearer(ann.token))
            assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
            assert text not in await texts(client, bearer(ann.token))


async def test_two_slashes_are_one_in_a_text_and_several_lines_are_text(address: Address) -> None:
    mark = unique("x")
    async with person(address) as ann:
        for text in (f"//start {mark}", f"/start {mark}\nweb-2", f" /start {mark}"):
            assert (await ann.say(text))["type"] == "ack"
        async with address.requests() as client:
            shown = [one for one in await texts(client, bearer(ann.token)) if mark in one]
    assert shown == [f"/start {mark}", f"/start {mark}\nweb-2", f" /start {mark}"]


async def test_frames_that_arrive_together_keep_their_order_and_their_errors(address: Address) -> None:
    mark = unique("y")
    async with person(address) as ann:
        said = [f"one {mark}", f"/nothing {mark}", f"two {mark}", f"/logs {mark} 0", f"three {mark}"]
        for number, text in enumerate(said):
            await ann.send({"type": "send", "clientId": f"{mark}-{number}", "room": "general", "text": text})
        outcomes = [(await ann.receive("ack", "error"))["type"] for _ in said]
        assert outcomes == ["ack", "error", "ack", "error", "ack"]
        async with address.requests() as client:
            shown = [one for one in await texts(client, bearer(ann.token)) if mark in one]
    assert shown == [f"one {mark}", f"two {mark}", f"three {mark}"]


async def test_each_role_may_say_what_it_may_do(strict: Address, tokens: Tokens, incidents: None) -> None:
    async with strict.requests() as client:
        member = bearer(await registered(client, unique("guest")))
        names = {role: unique(role) for role in (Role.VIEWER, Role.OPERATOR)}
        as_role = {
            role: bearer(await registered(client, name, tokens.header(role))) for role, name in names.items()
        }

        async def say(headers: dict[str, str], text: str) -> int:
            return (await client.post(MESSAGES, json={"text": text}, headers=headers)).status_code

        assert [await say(member, text) for text in ("/ps", "/start x", "/logs x")] == [403] * 3
        viewer = as_role[Role.VIEWER]
        assert [await say(viewer, text) for text in ("/ps", "/start x", "/logs x")] == [201, 403, 403]
        operator = as_role[Role.OPERATOR]
        target = unique("none")
        assert [await say(operator, text) for text in ("/ps", f"/start {target}")] == [201, 201]
        assert await say(viewer, f"/stop {target}") == 403
        entries = await audit_entries(client, tokens, target, 2)
    assert {(one["actor"], one["action"], one["code"]) for one in entries} == {
        (names[Role.OPERATOR], "start", "instance_not_found"),
        (names[Role.VIEWER], "stop", "forbidden"),
    }


async def test_rights_are_those_at_the_moment(strict: Address, tokens: Tokens, incidents: None) -> None:
    async with strict.requests() as client:
        token = await registered(client, unique("op"), tokens.header(Role.OPERATOR))
        async with person(strict, token) as ann:
            assert (await ann.say("/ps"))["type"] == "ack"
            head, digest = tokens.lines[Role.OPERATOR].split(" sha256:")
            tokens.lines[Role.OPERATOR] = f"{head.removesuffix('operator')}viewer sha256:{digest}"
            tokens.write(*Role)

            async def refused() -> bool:
                return (await ann.say(f"/start {unique('x')}")).get("code") == "forbidden"

            await until_answer(refused, bool)
            assert (await ann.say("/ps"))["type"] == "ack"


async def caller_of(portal: Portal, message_id: str) -> CommandCaller:
    """Return who said the command of a message, as the workers read it."""
    broker = await connect(portal.url, name="test")
    try:
        stored = await StreamReader(broker, CHAT_STREAM).last(command_subject(message_id))
    finally:
        await broker.close()
    assert stored is not None
    return COMMAND_TRIGGER.read(stored.data).caller


async def test_the_command_of_a_bot_names_its_owner(strict: Address, tokens: Tokens, portal: Portal) -> None:
    async with strict.requests() as client:

        async def said(headers: dict[str, str]) -> CommandCaller:
            response = await client.post(MESSAGES, json={"text": "/ps"}, headers=headers)
            assert response.status_code == 201, response.text
            return await caller_of(portal, response.json()["id"])

        owner = tokens.header(Role.OPERATOR)
        body = {"name": unique("bot"), "role": "operator"}
        made = (await client.post("/api/v1/access/bots", json=body, headers=owner)).json()
        bot = await said(bearer(made["token"]))
        person = await said(bearer(await registered(client, unique("op"), owner)))
    assert (bot.actor, bot.owner, person.owner) == (body["name"], person.identity, None)
    assert bot.identity != person.identity


async def test_a_command_has_no_files(address: Address) -> None:
    async with person(address) as ann:
        error = await ann.request("send", text="/ps", files=["a-file"])
        assert (error["code"], error["field"]) == ("invalid_request", "files")


async def test_the_name_of_the_portal_is_nobody_elses(address: Address) -> None:
    async with address.requests() as client:
        response = await client.post("/api/v1/chat/users", json={"name": "Opsroom"})
        assert (response.status_code, response.json()["code"]) == (409, "name_taken")
