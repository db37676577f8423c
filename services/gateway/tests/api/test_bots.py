"""Bots over HTTP and WebSocket: what they may do, and what ends their rights."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code, person, raw_socket
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import (
    SESSION,
    USERS,
    Tokens,
    audit_entries,
    bearer,
    registered,
    token_mode_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTS = "/api/v1/access/bots"
BANS = "/api/v1/chat/bans"
INVITATIONS = "/api/v1/access/invitations"
EXCHANGE = "/api/v1/access/exchange"
SLOW_BOTS = {"bot_messages_burst": 3, "bot_messages_per_second": 0.01}


@pytest_asyncio.fixture(loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode, which accepts guests. Bots on this machine have limits, too."""
    async with token_mode_gateway(portal, tokens, exempt_addresses=(), **SLOW_BOTS) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(strict: Address) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of that gateway."""
    async with strict.requests() as requests:
        yield requests


def unique(stem: str) -> str:
    """Return a name that no other test uses."""
    return f"{stem}-{uuid4().hex[:8]}"


async def make(client: httpx.AsyncClient, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    """Make a bot. Returns the response's body."""
    response = await client.post(BOTS, json={"name": unique("bot")} | body, headers=headers)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def session(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """Return who a token is for and what it may do; a problem for a token that is not valid."""
    found: dict[str, Any] = (await client.get(SESSION, headers=bearer(token))).json()
    return found


async def invited(client: httpx.AsyncClient, tokens: Tokens, role: str) -> tuple[str, dict[str, Any]]:
    """Invite a person. Returns the token of their device, and their user."""
    body = {"name": unique("ann"), "role": role}
    made = (await client.post(INVITATIONS, json=body, headers=tokens.header(Role.ADMIN))).json()
    secret = made["link"].rpartition("/")[2]
    used = (await client.post(EXCHANGE, json={"secret": secret})).json()
    return used["token"], used["user"]


async def test_a_bot_is_listed_sends_and_keeps_its_name(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    name = unique("deploy")
    made = await make(client, tokens.header(Role.OPERATOR), name=name, role="operator")
    assert made["user"]["id"].startswith("bot-")
    shown = await session(client, made["token"])
    assert (shown["name"], shown["role"], shown["credential"]) == (name, "operator", "bot")
    assert set(shown["may"]) == {"chat", "see_servers", "command_servers", "see_logs"}
    async with person(strict) as ann:
        async with person(strict, made["token"]) as bot:
            assert (await ann.receive("joined"))["user"] == made["user"]
            assert (await bot.say("1.4.0 is out"))["type"] == "ack"
            assert (await ann.receive("message"))["user"]["id"] == made["user"]["id"]
        await ann.receive("left")
    async with person(strict, made["token"]) as again:
        assert again.welcome["user"] == made["user"]
    listed = (await client.get(BOTS, headers=tokens.header(Role.OPERATOR))).json()["bots"]
    assert [(one["name"], one["owner"]) for one in listed] == [(name, "the operator")]
    people = (await client.get("/api/v1/access/people", headers=tokens.header(Role.ADMIN))).json()["people"]
    (entry,) = [one for one in people if one["name"] == name]
    assert (entry["credential"], entry["owner"], entry["role"]) == ("bot", "the operator", "operator")
    (audited,) = await audit_entries(client, tokens, f"{name} (bot)", 1)
    assert (audited["action"], audited["actor"]) == ("create_bot", "the operator")


async def test_a_bot_has_its_own_rate_limit(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    made = await make(client, tokens.header(Role.OPERATOR))
    async with person(strict, made["token"]) as bot, person(strict) as ann:
        replies = [await bot.say(f"line {number}") for number in range(5)]
        assert {one.get("code") for one in replies[3:]} == {"rate_limited"}
        assert [(await ann.say(f"line {number}"))["type"] for number in range(5)] == ["ack"] * 5


async def test_a_bot_may_do_no_more_than_its_owner(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    refused = await client.post(BOTS, json={"name": "x", "role": "admin"}, headers=tokens.header(Role.VIEWER))
    assert refused.json()["code"] == "forbidden"
    token, owner = await invited(client, tokens, "operator")
    made = await make(client, bearer(token), role="operator")
    assert (await session(client, made["token"]))["role"] == "operator"

    again = {"name": owner["name"], "role": "viewer"}
    await client.post(INVITATIONS, json=again, headers=tokens.header(Role.ADMIN))
    assert (await session(client, made["token"]))["role"] == "viewer"
    async with raw_socket(strict) as socket:
        await socket.send(f'{{"type": "hello", "token": "{made["token"]}"}}')
        assert '"welcome"' in str(await socket.recv())
        await client.delete(f"{USERS}/{owner['id']}/token", headers=tokens.header(Role.ADMIN))
        assert await close_code(socket) == 4002
    ended = await session(client, made["token"])
    assert (ended.get("role"), ended["may"]) == (None, [])


async def test_a_removed_static_token_ends_its_bots(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    made = await make(client, tokens.header(Role.OPERATOR), role="operator")
    async with raw_socket(strict) as socket:
        await socket.send(f'{{"type": "hello", "token": "{made["token"]}"}}')
        assert '"welcome"' in str(await socket.recv())
        tokens.write(Role.ADMIN)
        assert await close_code(socket) == 4002
    tokens.write(*Role)
    await until_answer(lambda: session(client, made["token"]), lambda found: found.get("role") == "operator")


async def test_a_ban_of_the_owner_bans_the_bot(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    token, owner = await invited(client, tokens, "operator")
    made = await make(client, bearer(token))
    async with raw_socket(strict) as socket:
        await socket.send(f'{{"type": "hello", "token": "{made["token"]}"}}')
        assert '"welcome"' in str(await socket.recv())
        await client.post(BANS, json={"name": owner["name"]}, headers=tokens.header(Role.ADMIN))
        assert await close_code(socket) == 4004
    assert (await session(client, made["token"]))["code"] == "banned"


async def test_a_muted_owner_has_no_bot_that_speaks(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    token, owner = await invited(client, tokens, "operator")
    made = await make(client, bearer(token))
    async with person(strict, made["token"]) as bot:
        muted = {"name": owner["name"]}
        response = await client.post("/api/v1/chat/mutes", json=muted, headers=tokens.header(Role.ADMIN))
        assert response.is_success, response.text
        assert (await bot.say("hello"))["code"] == "muted"


async def test_a_bot_makes_no_users_and_no_links(client: httpx.AsyncClient, tokens: Tokens) -> None:
    made = await make(client, tokens.header(Role.ADMIN), role="admin")
    headers = bearer(made["token"])
    for path, body in ((USERS, {"name": "x"}), (BOTS, {"name": "x"}), ("/api/v1/access/links", None)):
        response = await client.post(path, json=body, headers=headers)
        assert response.json()["code"] == "forbidden", path
    body = {"name": "x", "role": "admin"}
    assert (await client.post(INVITATIONS, json=body, headers=headers)).json()["code"] == "forbidden"


async def test_guests_have_no_bots(client: httpx.AsyncClient) -> None:
    guest = bearer(await registered(client, unique("guest")))
    assert (await client.post(BOTS, json={"name": "x"}, headers=guest)).json()["code"] == "forbidden"
    assert (await client.post(BOTS, json={"name": "x"})).json()["code"] == "unauthenticated"


async def test_a_bot_made_again_has_another_token(client: httpx.AsyncClient, tokens: Tokens) -> None:
    headers, name = tokens.header(Role.OPERATOR), unique("deploy")
    first = await make(client, headers, name=name)
    second = await make(client, headers, name=name.upper(), role="viewer")
    assert first["user"] == second["user"]
    assert (await session(client, first["token"]))["code"] == "token_invalid"
    assert (await session(client, second["token"]))["role"] == "viewer"
    taken = await client.post(BOTS, json={"name": name}, headers=tokens.header(Role.VIEWER))
    assert taken.json()["code"] == "name_taken"


async def test_owners_and_admins_remove_bots(client: httpx.AsyncClient, tokens: Tokens) -> None:
    made = await make(client, tokens.header(Role.OPERATOR))
    path = f"{BOTS}/{made['user']['id']}"
    assert (await client.delete(path, headers=tokens.header(Role.VIEWER))).json()["code"] == "user_unknown"
    assert (await client.delete(path, headers=tokens.header(Role.OPERATOR))).status_code == 204
    assert (await session(client, made["token"]))["code"] == "token_invalid"
    other = await make(client, tokens.header(Role.OPERATOR), name=made["user"]["name"])
    assert other["user"]["id"] != made["user"]["id"]
    path = f"{BOTS}/{other['user']['id']}"
    assert (await client.delete(path, headers=tokens.header(Role.ADMIN))).status_code == 204


async def test_a_bot_reads_the_rooms_that_it_is_in(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    made = await make(client, tokens.header(Role.OPERATOR))
    async with person(strict) as ann, person(strict, made["token"]) as bot:
        of_ann, of_bot = RoomUser.of(strict, ann), RoomUser.of(strict, bot)
        room = await of_ann.create(unique("secret"), private=True)
        assert await of_bot.texts(room) == "room_unknown"
        await of_ann.act(f"/rooms/{room}/invite", {"users": [made["user"]["id"]]})
        assert (await bot.receive("room"))["room"]["id"] == room
        assert await of_bot.texts(room) == []
