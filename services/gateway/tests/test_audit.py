"""Who asked for what is in the audit, and only admins read it."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.api_clients import person
from services.gateway.tests.course_clients import course_client
from services.gateway.tests.portal import Address, Portal
from services.gateway.tests.token_mode import (
    AUDIT,
    INSTANCES,
    SESSION,
    Tokens,
    audited,
    bearer,
    guarded,
    registered,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A file with one token for each role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode that serves the course contract too."""
    async with guarded(portal, tokens, course=True) as address:
        yield address


async def test_every_command_accepted_or_refused_is_there_with_who_and_from_where(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        operator = tokens.header(Role.OPERATOR)
        key = {"Idempotency-Key": uuid4().hex}
        for _ in range(2):  # a retry is no second command
            operation = (await client.post(INSTANCES, headers=operator | key)).json()["operation"]
        instance = operation["instanceId"]
        await client.post(f"{INSTANCES}/{instance}/stop", headers=operator)
        await client.post(f"{INSTANCES}/{instance}/start", headers=tokens.header(Role.VIEWER))
        await client.delete(f"{INSTANCES}/{instance}")
        entries = await audited(client, tokens, instance, 4)
        told = {(entry["action"], entry["outcome"], entry["actor"]): entry for entry in entries}
        assert len(told) == len(entries) == 4
        assert told["create", "accepted", "the operator"]["operationId"] == operation["id"]
        # Still being created, or stopped already.
        wrong = told["stop", "refused", "the operator"]["code"]
        assert wrong in {"operation_pending", "transition_invalid"}
        assert told["start", "refused", "the viewer"]["code"] == "forbidden"
        assert told["remove", "refused", "anonymous"]["code"] == "unauthenticated"
        assert {entry["address"] for entry in entries} == {"127.0.0.1"}
        assert all(entry.get("reason") for entry in entries if entry["outcome"] == "refused")
        assert not any(token in json.dumps(entries) for token in tokens.by_role.values())


async def test_only_admins_read_it_page_by_page(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        for _ in range(3):
            await client.post(f"{INSTANCES}/none/stop", headers=tokens.header(Role.OPERATOR))
        await audited(client, tokens, "none", 3)
        for headers, status in (({}, 401), (tokens.header(Role.OPERATOR), 403)):
            assert (await client.get(AUDIT, headers=headers)).status_code == status
        admin = tokens.header(Role.ADMIN)

        async def page(**params: int) -> list[int]:
            answer = await client.get(AUDIT, params=params, headers=admin)
            return [record["seq"] for record in answer.json()["entries"]]

        last = await page(limit=3)
        assert last == sorted(last)
        assert await page(before=last[2], limit=2) == last[:2]
        assert await page(after=last[0], limit=2) == last[1:]
        assert await page(after=last[2]) == []
        assert (await client.get(AUDIT, params={"after": 1, "before": 2}, headers=admin)).status_code == 422


async def test_an_admin_makes_a_token_worth_nothing_and_it_is_noted(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        token = await registered(client, f"r-{uuid4().hex[:8]}")
        path = f"/api/v1/chat/users/{token.partition('.')[0]}/token"
        assert (await client.delete(path, headers=tokens.header(Role.OPERATOR))).status_code == 403
        async with person(strict, token) as someone:
            assert (await client.delete(path, headers=tokens.header(Role.ADMIN))).status_code == 204
            assert await someone.closed() == 4002
        assert (await client.get(SESSION, headers=bearer(token))).status_code == 401
        entries = await audited(client, tokens, token.partition(".")[0], 2)
        assert [(entry["action"], entry["outcome"]) for entry in entries] == [
            ("revoke", "refused"),
            ("revoke", "accepted"),
        ]
        answer = await client.delete("/api/v1/chat/users/nobody/token", headers=tokens.header(Role.ADMIN))
        assert (answer.status_code, answer.json()["code"]) == (404, "user_unknown")


async def test_the_course_dashboard_asks_for_roles_outside_of_open_mode(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        for method, path in (
            ("GET", "/cloud/"),
            ("GET", "/cloud/sse"),
            ("POST", "/cloud/"),
            ("DELETE", "/cloud/x"),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == 401, path
            assert "message" in answer.json()
        assert (await client.get("/cloud/", headers=tokens.header(Role.VIEWER))).status_code == 200
        assert (await client.post("/cloud/", headers=tokens.header(Role.VIEWER))).status_code == 403
        assert (await client.post("/cloud/", headers=tokens.header(Role.OPERATOR))).status_code == 201
        instance = (await client.post(INSTANCES, headers=tokens.header(Role.OPERATOR))).json()["operation"][
            "instanceId"
        ]
        await until_answer(
            lambda: client.get("/cloud/", headers=tokens.header(Role.VIEWER)),
            lambda seen: instance in seen.text,
        )
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(strict.ws + "/cloud/"):
            pass
    assert refused.value.response.status_code == 401
    async with open_socket(strict.ws + "/cloud/", additional_headers=tokens.header(Role.VIEWER)) as socket:
        assert await socket.recv() == '"connection"'
        await socket.send(json.dumps({"id": instance, "action": "start"}))
        assert json.loads(await socket.recv()) == [{"id": instance, "state": "stopped"}]
    async with open_socket(strict.ws + "/cloud/", additional_headers=tokens.header(Role.OPERATOR)) as socket:
        await socket.recv()
        await socket.send(json.dumps({"id": instance, "action": "start"}))
        while json.loads(await socket.recv()) != [{"id": instance, "state": "running"}]:
            pass


async def test_the_course_chat_speaks_for_nobody_who_has_a_token(strict: Address, agent: str) -> None:
    name = f"vera-{uuid4().hex[:6]}"
    async with strict.requests() as client:
        token = await registered(client, name)
        assert (await client.post("/chat/new-user", json={"name": name.upper()})).status_code == 409
        assert (await client.post("/chat/new-user", json={"name": "The Operator"})).status_code == 409
    async with person(strict, token) as vera, course_client(strict, agent) as mallory:
        for forged in (
            {"type": "send", "message": "forged", "user": {"name": name}},
            {"type": "send", "message": "forged", "user": name.upper()},
            {"type": "send", "msg": "forged", "name": "mallory", "user": {"id": "1", "nickname": name}},
            {"type": "send", "message": {"text": "forged", "user": {"name": name}}},
            {"type": "send", "message": "forged", "user": {"id": token.partition(".")[0]}},
            {"type": "exit", "user": {"name": name}},
        ):
            await mallory.send(forged)
        before = await mallory.until_own_message()
        assert not [frame for frame in before if "forged" in str(frame)]
        assert (await vera.say("still here"))["type"] == "ack"
