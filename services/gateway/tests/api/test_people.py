"""People, invitations and links over HTTP, in ``token`` and in ``open`` mode."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.http_people import JOIN_FRAGMENT
from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code, person, raw_socket
from services.gateway.tests.kit.portal import Address, Portal
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

PEOPLE = "/api/v1/access/people"
INVITATIONS = "/api/v1/access/invitations"
LINKS = "/api/v1/access/links"
EXCHANGE = "/api/v1/access/exchange"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode, which accepts guests."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(strict: Address) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of that gateway."""
    async with strict.requests() as requests:
        yield requests


def unique(stem: str) -> str:
    """Return a name that no other test uses."""
    return f"{stem}-{uuid4().hex[:8]}"


async def invite(client: httpx.AsyncClient, tokens: Tokens, name: str, **more: Any) -> dict[str, Any]:
    """Invite as the admin. Returns the response's body."""
    body = {"name": name, "role": "operator"} | more
    response = await client.post(INVITATIONS, json=body, headers=tokens.header(Role.ADMIN))
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def secret_of(link: str) -> str:
    """Return the secret in a link, which follows the fragment."""
    assert link.startswith(JOIN_FRAGMENT)
    return link.removeprefix(JOIN_FRAGMENT)


async def exchange(client: httpx.AsyncClient, link: str, key: str | None = None) -> httpx.Response:
    """Exchange the secret of a link."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post(EXCHANGE, json={"secret": secret_of(link)}, headers=headers)


async def people(client: httpx.AsyncClient, tokens: Tokens, name: str) -> list[dict[str, Any]]:
    """Return the entries of the list of people with this name."""
    response = await client.get(PEOPLE, headers=tokens.header(Role.ADMIN))
    assert response.status_code == 200, response.text
    return [one for one in response.json()["people"] if one["name"] == name]


async def pending(client: httpx.AsyncClient, tokens: Tokens) -> dict[str, dict[str, Any]]:
    """Return the pending invitations by name."""
    response = await client.get(INVITATIONS, headers=tokens.header(Role.ADMIN))
    assert response.status_code == 200, response.text
    return {one["name"]: one for one in response.json()["invitations"]}


async def test_an_invitation_signs_in_with_its_name_and_role_once(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    name = unique("bob")
    made = await invite(client, tokens, name, seconds=3600)
    listed = await until_answer(lambda: pending(client, tokens), lambda found: name in found)
    assert listed[name] == made["invitation"]
    assert (listed[name]["by"], listed[name]["role"]) == ("the admin", "operator")
    (before,) = await people(client, tokens, name)
    assert (before["pending"], before["devices"], before["present"]) == (True, 0, False)

    responses = await asyncio.gather(*(exchange(client, made["link"]) for _ in range(6)))
    assert sorted(one.status_code for one in responses) == [201, 404, 404, 404, 404, 404]
    (used,) = (one.json() for one in responses if one.status_code == 201)
    assert used["user"]["name"] == name
    assert used["invited"] is True

    session = (await client.get(SESSION, headers=bearer(used["token"]))).json()
    assert (session["name"], session["role"], session["credential"]) == (name, "operator", "invitation")
    assert session["devices"] == 1
    async with person(strict, token=used["token"]):
        (after,) = await until_answer(
            lambda: people(client, tokens, name), lambda found: bool(found) and found[0]["present"]
        )
        assert (after["role"], after["connections"], after["devices"]) == ("operator", 1, 1)
        assert after["seenAt"]
    assert name not in await pending(client, tokens)
    entries = await audit_entries(client, tokens, name, 1)
    assert [(one["action"], one["actor"]) for one in entries] == [("use_link", name)]
    (entry,) = await audit_entries(client, tokens, f"{name} (operator)", 1)
    assert (entry["action"], entry["actor"]) == ("invite", "the admin")


async def test_a_lost_response_can_be_repeated_with_the_same_key(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    made, key = await invite(client, tokens, unique("bob")), uuid4().hex
    first, again = await exchange(client, made["link"], key), await exchange(client, made["link"], key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (await exchange(client, made["link"], uuid4().hex)).json()["code"] == "link_invalid"


async def test_a_withdrawn_invitation_is_void(client: httpx.AsyncClient, tokens: Tokens) -> None:
    name = unique("bob")
    made = await invite(client, tokens, name)
    path = f"{INVITATIONS}/{made['invitation']['id']}"
    for headers, status in (({}, 401), (tokens.header(Role.OPERATOR), 403)):
        assert (await client.delete(path, headers=headers)).status_code == status
    assert (await client.delete(path, headers=tokens.header(Role.ADMIN))).status_code == 204
    response = await exchange(client, made["link"])
    assert (response.status_code, response.json()["code"]) == (404, "link_invalid")
    response = await client.delete(path, headers=tokens.header(Role.ADMIN))
    assert (response.status_code, response.json()["code"]) == (404, "invitation_unknown")
    assert await registered(client, name)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "role": "owner"}, "role"),
        ({"name": "x"}, "role"),
        ({"role": "member"}, "name"),
        ({"name": "x", "role": "member", "seconds": 59}, "seconds"),
        ({"name": "x", "role": "member", "seconds": 8_000_000}, "seconds"),
        ({"name": "the viewer", "role": "member"}, "name"),
        ({"name": "  ", "role": "member"}, "name"),
    ],
)
async def test_what_can_not_be_invited_is_named(
    client: httpx.AsyncClient, tokens: Tokens, body: dict[str, Any], field: str
) -> None:
    response = await client.post(INVITATIONS, json=body, headers=tokens.header(Role.ADMIN))
    assert response.status_code in {409, 422}, response.text
    assert response.json()["field"] == field


async def test_one_person_on_two_devices_is_one_person(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    header = tokens.header(Role.OPERATOR)
    one, two = [await registered(client, None, header) for _ in range(2)]
    async with person(strict, token=one) as first, person(strict, token=two) as second:
        assert first.welcome["user"] == second.welcome["user"]
        names = [user["name"] for user in (await client.get(USERS, headers=bearer(one))).json()["users"]]
        assert names.count("the operator") == 1
        (entry,) = await until_answer(
            lambda: people(client, tokens, "the operator"),
            lambda found: bool(found) and found[0]["connections"] == 2,
        )
        assert (entry["devices"], entry["role"], entry["credential"]) == (2, "operator", "token")
        assert (await client.delete(SESSION, headers=bearer(one))).status_code == 204
        assert await first.closed() == 4002
        assert (await client.get(SESSION, headers=bearer(one))).json()["code"] == "token_invalid"
        assert (await second.say("still here"))["type"] == "ack"
    assert (await client.delete(SESSION, headers=bearer(two))).status_code == 204


async def test_a_guest_takes_the_name_to_another_device(client: httpx.AsyncClient, strict: Address) -> None:
    name = unique("eve")
    one = await registered(client, name)
    assert (await client.post(LINKS)).json()["code"] == "unauthenticated"
    made = (await client.post(LINKS, headers=bearer(one))).json()
    response = await exchange(client, made["link"])
    assert response.status_code == 201, response.text
    two = response.json()["token"]
    assert response.json()["invited"] is False
    async with person(strict, token=one) as first, person(strict, token=two) as second:
        assert first.welcome["user"] == second.welcome["user"]
        assert (await client.delete(SESSION, params={"everywhere": "true"}, headers=bearer(two))).status_code
        assert {await first.closed(), await second.closed()} == {4002}
    taker = await client.post(USERS, json={"name": name})
    assert taker.status_code == 201
    assert taker.json()["user"]["id"] != response.json()["user"]["id"]


async def test_an_invited_role_is_for_the_invited_name_alone(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    made = await invite(client, tokens, unique("bob"), role="admin")
    admin = (await exchange(client, made["link"])).json()["token"]
    other = await registered(client, unique("alias"), bearer(admin))
    session = (await client.get(SESSION, headers=bearer(other))).json()
    assert session["role"] == "member"
    assert "manage_people" not in session["may"]


async def test_inviting_again_changes_the_role_of_open_connections(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    name = unique("bob")
    token = (await exchange(client, (await invite(client, tokens, name))["link"])).json()["token"]
    async with client.stream("GET", "/api/v1/cloud/events", headers=bearer(token)) as stream:
        assert stream.status_code == 200
        made = await invite(client, tokens, name, role="member")
        async with asyncio.timeout(20):
            async for _ in stream.aiter_bytes():
                pass  # it ends
    assert (await client.get(SESSION, headers=bearer(token))).json()["role"] == "member"
    assert (await exchange(client, made["link"])).json()["user"]["name"] == name


async def test_owners_of_tokens_are_people_before_they_sign_in(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    (viewer,) = await people(client, tokens, "the viewer")
    assert viewer == {
        "name": "the viewer",
        "role": "viewer",
        "credential": "token",
        "present": False,
        "connections": 0,
        "devices": 0,
        "pending": False,
    }


async def test_only_admins_see_people(client: httpx.AsyncClient, tokens: Tokens) -> None:
    for path in (PEOPLE, INVITATIONS):
        for role in (Role.MEMBER, Role.VIEWER, Role.OPERATOR):
            response = await client.get(path, headers=tokens.header(role))
            assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert (await client.get(path)).status_code == 401


async def test_a_restarted_gateway_knows_people_and_invitations(
    portal: Portal, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    name, gone = unique("bob"), unique("gone")
    made = await invite(client, tokens, name)
    token = (await exchange(client, (await invite(client, tokens, gone))["link"])).json()["token"]
    assert (await client.delete(SESSION, headers=bearer(token))).status_code == 204
    async with token_mode_gateway(portal, tokens) as another, another.requests() as requests:
        assert (await pending(requests, tokens))[name] == made["invitation"]
        (left,) = await people(requests, tokens, gone)
        assert (left["devices"], left["pending"]) == (0, False)
        assert left["seenAt"]
        assert (await exchange(requests, made["link"])).status_code == 201
    assert (await exchange(client, made["link"])).status_code == 404


async def test_in_open_mode_a_device_that_signs_out_is_disconnected(
    portal: Portal, http: httpx.AsyncClient, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    name = unique("eve")
    one = await registered(http, name)
    made = (await http.post(LINKS, headers=bearer(one))).json()
    two = (await exchange(http, made["link"])).json()["token"]
    async with raw_socket(portal.gateway) as first, person(portal.gateway, token=two) as second:
        await first.send(f'{{"type":"hello","token":"{one}"}}')
        assert (await http.delete(SESSION, headers=bearer(one))).status_code == 204
        assert await close_code(first) == 1000
        assert (await second.say("still here"))["type"] == "ack"
        (entry,) = await until_answer(
            lambda: people(client, tokens, name), lambda found: bool(found) and found[0]["connections"] == 1
        )
        assert entry["present"] is True
    session = (await http.get(SESSION, headers=bearer(two))).json()
    assert (session["devices"], session.get("credential")) == (1, None)


async def test_an_invitation_with_the_role_of_admin_counts_in_open_mode(
    portal: Portal, strict: Address, client: httpx.AsyncClient, http: httpx.AsyncClient, tokens: Tokens
) -> None:
    made = await invite(client, tokens, unique("root"), role="admin")
    token = (await exchange(http, made["link"])).json()["token"]
    session = (await http.get(SESSION, headers=bearer(token))).json()
    assert (session["mode"], session["role"]) == ("open", "admin")
    assert (await http.get(PEOPLE, headers=bearer(token))).status_code == 200


async def test_the_secret_is_not_logged(
    client: httpx.AsyncClient, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        made = await invite(client, tokens, unique("bob"))
        token = (await exchange(client, made["link"])).json()["token"]
    for secret in (secret_of(made["link"]), token):
        assert secret.partition(".")[2] not in caplog.text
