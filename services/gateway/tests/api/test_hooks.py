"""Hooks over HTTP: who may make them, and what is posted to them."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.hooks import HOOK_BODY_MAX
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.rooms import RoomUser
from services.gateway.tests.kit.token_mode import Tokens, audit_entries, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOOKS = "/api/v1/hooks"
BACKUP = {"title": "Backup failed", "key": "backup", "status": "down"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode, and a service that takes what is posted."""
    async with incidents_at(portal.url), token_mode_gateway(portal, tokens) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(strict: Address, tokens: Tokens) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's HTTP client."""
    async with strict.requests() as requests:
        requests.headers.update(tokens.header(Role.ADMIN))
        yield requests


async def made(client: httpx.AsyncClient, room: str = "general") -> dict[str, Any]:
    response = await client.post(HOOKS, json={"name": f"alerts {uuid4().hex[:6]}", "room": room})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def cards(client: httpx.AsyncClient, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cards of one hook."""
    page = (await client.get("/api/v1/chat/rooms/general/messages?limit=200")).json()
    author = f"bot-hook-{hook['hook']['id']}"
    return [one["card"] for one in page["messages"] if one["user"]["id"] == author]


async def test_only_admins_manage_hooks(client: httpx.AsyncClient, tokens: Tokens) -> None:
    for role in (Role.MEMBER, Role.OPERATOR):
        header = tokens.header(role)
        assert (await client.get(HOOKS, headers=header)).json()["code"] == "forbidden"
        body = {"name": "x", "room": "general"}
        assert (await client.post(HOOKS, json=body, headers=header)).json()["code"] == "forbidden"
    hook = await made(client)
    listed = (await client.get(HOOKS)).json()["hooks"]
    assert hook["hook"] in listed
    assert hook["secret"] not in json.dumps(listed)
    assert hook["path"] == f"/hooks/{hook['secret']}"
    assert (await client.delete(f"{HOOKS}/{hook['hook']['id']}")).status_code == 204
    assert (await client.delete(f"{HOOKS}/{hook['hook']['id']}")).json()["code"] == "hook_unknown"
    target = f"{hook['hook']['name']} (general)"
    entries = await audit_entries(client, tokens, target, 2)
    assert [one["action"] for one in entries] == ["create_hook", "delete_hook"]


async def test_a_hook_is_for_a_room_that_its_maker_can_see(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    nowhere = await client.post(HOOKS, json={"name": "x", "room": "nowhere"})
    assert nowhere.json()["code"] == "room_unknown"
    async with person(strict) as ann:
        room = await RoomUser.of(strict, ann).create(f"room {uuid4().hex[:6]}", private=True)
        hidden = await client.post(HOOKS, json={"name": "x", "room": room})
        assert hidden.json()["code"] == "room_unknown"


async def test_the_answer_is_ok_and_the_card_is_there(client: httpx.AsyncClient, strict: Address) -> None:
    hook = await made(client)
    async with strict.requests() as sender:
        for body in (BACKUP, {**BACKUP, "status": "up"}):
            response = await sender.post(f"{hook['path']}/json", json=body)
            assert (response.status_code, response.content) == (200, b"ok")
            assert response.headers["content-type"].partition(";")[0] == "text/plain"
        form = urlencode({"payload": json.dumps({"text": "Deployed *1.4*"})})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await sender.post(hook["path"], content=form, headers=headers)).content == b"ok"
    assert [(one["title"], one["status"]) for one in await cards(client, hook)] == [
        ("Backup failed", "resolved"),
        ("Deployed 1.4", "info"),
    ]


async def test_a_card_arrives_live_and_its_update_as_an_edit(
    client: httpx.AsyncClient, strict: Address
) -> None:
    hook = await made(client)
    async with person(strict) as ann:
        await client.post(f"{hook['path']}/json", json=BACKUP)
        shown = await ann.receive("message")
        assert (shown["card"]["status"], shown["text"].splitlines()[0]) == (
            "firing",
            "[firing] Backup failed",
        )
        await client.post(f"{hook['path']}/json", json={**BACKUP, "status": "up"})
        edited = await ann.receive("edited")
        assert (edited["id"], edited["message"]["card"]["status"]) == (shown["id"], "resolved")


@pytest.mark.parametrize("name", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery"])
async def test_a_repeated_delivery_changes_nothing(client: httpx.AsyncClient, name: str) -> None:
    hook = await made(client)
    for _ in range(2):
        response = await client.post(hook["path"], json={"text": "once"}, headers={name: "d-1"})
        assert response.content == b"ok"
    assert len(await cards(client, hook)) == 1


async def test_a_secret_that_is_replaced_works_for_a_time(client: httpx.AsyncClient) -> None:
    hook = await made(client)
    url = f"{HOOKS}/{hook['hook']['id']}/rotate"
    second = (await client.post(url)).json()
    assert len(second["hook"]["secrets"]) == 2
    for one in (hook, second):
        assert (await client.post(one["path"], json={"text": "x"})).content == b"ok"
    third = (await client.post(url, json={"seconds": 0})).json()
    assert (await client.post(second["path"], json={"text": "x"})).json()["code"] == "hook_unknown"
    assert (await client.post(third["path"], json={"text": "x"})).content == b"ok"


async def test_what_github_and_gitlab_prove_is_checked(client: httpx.AsyncClient) -> None:
    hook = await made(client)
    body = json.dumps({"zen": "x", "repository": {"full_name": "a/b"}}).encode()
    right = "sha256=" + hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
    for signature, status in ((right, 200), ("sha256=00", 403), ("é", 403)):
        headers = {
            "X-GitHub-Event": "ping",
            "X-Hub-Signature-256": signature,
            "Content-Type": "application/json",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        response = await client.post(f"{hook['path']}/github", content=body, headers=raw)
        assert response.status_code == status
    event = {"object_kind": "push", "ref": "refs/heads/main", "commits": []}
    for token, status in ((hook["secret"], 200), ("other", 403)):
        headers = {"X-Gitlab-Token": token}
        response = await client.post(f"{hook['path']}/gitlab", json=event, headers=headers)
        assert response.status_code == status


async def test_what_is_wrong_is_refused(client: httpx.AsyncClient) -> None:
    hook = await made(client)
    path = f"{hook['path']}/json"
    assert (await client.post("/hooks/short", json={})).status_code == 404
    assert (await client.post(f"/hooks/{'x' * 43}", json={"text": "x"})).status_code == 404
    assert (await client.post(f"{hook['path']}/nagios", json={})).status_code == 422
    blank = await client.post(path, json={"title": ""})
    assert (blank.status_code, blank.json()["field"]) == (422, "title")
    assert hook["secret"] not in blank.text
    deep = '{"title":' + "[" * 50 + "]" * 50 + "}"
    assert (await client.post(path, content=deep)).status_code == 422
    fitting = json.dumps({"text": "y" * (HOOK_BODY_MAX - 20)})
    assert (await client.post(hook["path"], content=fitting)).content == b"ok"
    assert (await client.post(path, content=b"x" * (HOOK_BODY_MAX + 1))).status_code == 413
    assert (await client.get(hook["path"])).status_code == 405
