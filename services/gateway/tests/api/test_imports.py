"""Imports over HTTP: who may, and what is refused."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, audit_entries, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPORTS = "/api/v1/chat/imports"
ANN = {"id": "U1", "name": "ann"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(strict: Address) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of that gateway."""
    async with strict.requests() as requests:
        yield requests


def room(kind: str = "private", **more: Any) -> dict[str, Any]:
    return {"type": "room", "id": "C1", "kind": kind, "name": f"room {uuid4().hex[:8]}"} | more


def message(number: int = 1, **more: Any) -> dict[str, Any]:
    text = {"text": f"text {number}", "timestamp": f"2017-11-30T23:52:{number:02}.000Z"}
    return {"type": "message", "room": "C1", "id": str(number), "person": ANN} | text | more


async def test_admins_import_and_nobody_else(client: httpx.AsyncClient, tokens: Tokens) -> None:
    source = f"test.{uuid4().hex[:8]}"
    body = {"source": source, "records": [room(), message(1), message(2), message(1)]}
    for role in (Role.MEMBER, Role.OPERATOR):
        refused = await client.post(IMPORTS, json=body, headers=tokens.header(role))
        assert refused.json()["code"] == "forbidden"
    assert (await client.post(IMPORTS, json=body)).json()["code"] == "unauthenticated"
    done = await client.post(IMPORTS, json=body, headers=tokens.header(Role.ADMIN))
    assert done.json() == {"rooms": 1, "members": 0, "messages": 2, "pins": 0}
    again = await client.post(IMPORTS, json=body, headers=tokens.header(Role.ADMIN))
    assert again.json() == {"rooms": 0, "members": 0, "messages": 0, "pins": 0}
    entries = await audit_entries(client, tokens, source, 1)
    assert [(one["action"], one["outcome"]) for one in entries] == [("import", "accepted")]


async def test_an_imported_private_room_is_for_its_members(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    async with person(strict) as bob, person(strict) as eve:
        user = bob.welcome["user"]
        member = {"person": {"id": "U2", "name": "bob", "account": user["id"]}}
        records = [room(), {"type": "members", "room": "C1", "members": [{"person": ANN}, member]}, message()]
        body = {"source": f"test.{uuid4().hex[:8]}", "records": records}
        response = await client.post(IMPORTS, json=body, headers=tokens.header(Role.ADMIN))
        assert response.json() == {"rooms": 1, "members": 2, "messages": 1, "pins": 0}
        joined = await bob.receive("room")
        of_bob, of_eve = RoomUser.of(strict, bob), RoomUser.of(strict, eve)
        assert await of_bob.texts(joined["room"]["id"]) == ["text 1"]
        assert await of_eve.texts(joined["room"]["id"]) == "room_unknown"
        shown = await bob.receive("message")
        assert (shown["timestamp"], shown["imported"]["source"]) == (message()["timestamp"], body["source"])


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([message()], "room_unknown"),
        ([room(), message(text="   ")], "invalid_request"),
        ([room(kind="direct", members=[{"person": ANN}])], "invalid_request"),
        ([room(kind="open")], "invalid_request"),
        ([room(), message(timestamp="yesterday")], "invalid_request"),
        ([room(), message(person=ANN | {"role": "admin"})], "invalid_request"),
        ([room(), message(files=["../x"])], "invalid_request"),
        ([room(), message(files=["0" * 64] * 11)], "invalid_request"),
        ([{"type": "members", "room": "C9", "members": [{"person": ANN}]}], "room_unknown"),
        ([], "invalid_request"),
    ],
)
async def test_what_can_not_be_imported_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, records: list[dict[str, Any]], code: str
) -> None:
    body = {"source": f"test.{uuid4().hex[:8]}", "records": records}
    assert (await client.post(IMPORTS, json=body, headers=tokens.header(Role.ADMIN))).json()["code"] == code


async def test_a_room_with_a_name_that_is_taken_gets_another(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    async with person(strict) as bob:
        for source in ("slack.a", "slack.b", "slack.c"):
            records = [room(kind="public", name="general")]
            body = {"source": f"{source}{uuid4().hex[:6]}", "records": records}
            response = await client.post(IMPORTS, json=body, headers=tokens.header(Role.ADMIN))
            assert response.json()["rooms"] == 1
        rooms = (await RoomUser.of(strict, bob).request("GET", "/rooms")).json()["rooms"]
        names = [view["room"]["name"] for view in rooms if (view["room"]["name"] or "").startswith("general")]
        assert len(names) == len(set(names)) == 4
