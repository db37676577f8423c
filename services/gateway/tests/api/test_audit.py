"""The audit log has all commands, and only admins can read it."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus

from opsroom_contracts.identity import Role
from opsroom_messaging.client.connection import connect
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.course_clients import course_client
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import (
    AUDIT,
    INSTANCES,
    SESSION,
    Tokens,
    audit_entries,
    bearer,
    registered,
    token_mode_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode that also serves the course contract."""
    async with token_mode_gateway(portal, tokens, course=True) as address:
        yield address


async def test_the_audit_log_has_every_command_with_its_actor_and_address(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        operator = tokens.header(Role.OPERATOR)
        key = {"Idempotency-Key": uuid4().hex}
        for _ in range(2):  # a retry is not a second command
            operation = (await client.post(INSTANCES, headers=operator | key)).json()["operation"]
        instance = operation["instanceId"]
        await client.post(f"{INSTANCES}/{instance}/stop", headers=operator)
        await client.post(f"{INSTANCES}/{instance}/start", headers=tokens.header(Role.VIEWER))
        await client.delete(f"{INSTANCES}/{instance}")
        entries = await audit_entries(client, tokens, instance, 4)
        by_outcome = {(entry["action"], entry["outcome"], entry["actor"]): entry for entry in entries}
        assert len(by_outcome) == len(entries) == 4
        assert by_outcome["create", "accepted", "the operator"]["operationId"] == operation["id"]
        # Still being created, or stopped already.
        code = by_outcome["stop", "refused", "the operator"]["code"]
        assert code in {"operation_pending", "transition_invalid"}
        assert by_outcome["start", "refused", "the viewer"]["code"] == "forbidden"
        assert by_outcome["remove", "refused", "anonymous"]["code"] == "unauthenticated"
        assert {entry["address"] for entry in entries} == {"127.0.0.1"}
        assert all(entry.get("reason") for entry in entries if entry["outcome"] == "refused")
        assert not any(token in json.dumps(entries) for token in tokens.by_role.values())


async def test_only_admins_can_read_the_audit_log_and_page_through_it(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        for _ in range(3):
            await client.post(f"{INSTANCES}/none/stop", headers=tokens.header(Role.OPERATOR))
        await audit_entries(client, tokens, "none", 3)
        for headers, status in (({}, 401), (tokens.header(Role.OPERATOR), 403)):
            assert (await client.get(AUDIT, headers=headers)).status_code == status
        admin = tokens.header(Role.ADMIN)

        async def page(**params: int) -> list[int]:
            response = await client.get(AUDIT, params=params, headers=admin)
            return [record["seq"] for record in response.json()["entries"]]

        last = await page(limit=3)
        assert last == sorted(last)
        assert await page(before=last[2], limit=2) == last[:2]
        assert await page(after=last[0], limit=2) == last[1:]
        assert await page(after=last[2]) == []
        assert (await client.get(AUDIT, params={"after": 1, "before": 2}, headers=admin)).status_code == 422


async def test_an_admin_can_revoke_a_token_and_it_is_audited(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        token = await registered(client, f"r-{uuid4().hex[:8]}")
        path = f"/api/v1/chat/users/{token.partition('.')[0]}/token"
        assert (await client.delete(path, headers=tokens.header(Role.OPERATOR))).status_code == 403
        async with person(strict, token) as someone:
            assert (await client.delete(path, headers=tokens.header(Role.ADMIN))).status_code == 204
            assert await someone.closed() == 4002
        assert (await client.get(SESSION, headers=bearer(token))).status_code == 401
        entries = await audit_entries(client, tokens, token.partition(".")[0], 2)
        assert [(entry["action"], entry["outcome"]) for entry in entries] == [
            ("revoke", "refused"),
            ("revoke", "accepted"),
        ]
        response = await client.delete("/api/v1/chat/users/nobody/token", headers=tokens.header(Role.ADMIN))
        assert (response.status_code, response.json()["code"]) == (404, "user_unknown")


async def test_the_course_dashboard_requires_roles_outside_open_mode(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        for method, path in (
            ("GET", "/cloud/"),
            ("GET", "/cloud/sse"),
            ("POST", "/cloud/"),
            ("DELETE", "/cloud/x"),
        ):
            response = await client.request(method, path)
            assert response.status_code == 401, path
            assert "message" in response.json()
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
        await _make_viewer_of_operator(strict, tokens)
        await socket.send(json.dumps({"id": instance, "action": "stop"}))
        assert json.loads(await socket.recv()) == [{"id": instance, "state": "running"}]


async def _make_viewer_of_operator(address: Address, tokens: Tokens) -> None:
    """Take away what an open socket was allowed to do when it was opened."""
    tokens.lines[Role.OPERATOR] = tokens.lines[Role.OPERATOR].replace(" operator sha256:", " viewer sha256:")
    tokens.write(*Role)
    async with address.requests() as client:
        await until_answer(
            lambda: client.get(SESSION, headers=tokens.header(Role.OPERATOR)),
            lambda response: response.json()["role"] == "viewer",
        )


async def test_course_clients_cannot_impersonate_users_with_a_token(strict: Address, agent: str) -> None:
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


async def test_a_forged_entry_is_not_shown(strict: Address, portal: Portal, tokens: Tokens) -> None:
    """A subject determines who may store an entry; one with another outcome, action or id is forged."""

    def entry(entry_id: str, outcome: str, action: str) -> bytes:
        fields = {"at": "2026-11-24T00:00:00Z", "actor": "forger", "target": target}
        return json.dumps({"id": entry_id, "outcome": outcome, "action": action, **fields}).encode()

    target = f"forged-{uuid4().hex}"
    operator = await connect(portal.url, name="operator")
    try:
        for subject, payload in (
            ("audit.refused.a", entry("a", "accepted", "create")),
            ("audit.accepted.gateway.b", entry("b", "accepted", "create")),
            ("audit.accepted.gateway.c", entry("c", "refused", "locate")),
            ("audit.refused.other", entry("d", "refused", "create")),
            ("audit.accepted.gateway.e", entry("e", "accepted", "locate")),
            ("audit.accepted.f", entry("f", "accepted", "locate")),
        ):
            await operator.jetstream.publish(subject, payload)
    finally:
        await operator.close()
    async with strict.requests() as client:
        entries = await audit_entries(client, tokens, target, 2)
        assert [one["id"] for one in entries] == ["e", "f"]
