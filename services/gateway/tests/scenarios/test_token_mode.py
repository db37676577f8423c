"""Token mode: who may do what, and for how long."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect as open_socket

from opsroom_contracts.identity import Role
from opsroom_contracts.subjects import MEMBERS_STREAM, member_subject
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code, events, person, raw_socket
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import (
    EVENTS,
    INSTANCES,
    MESSAGES,
    OPERATION,
    SESSION,
    USERS,
    Tokens,
    bearer,
    registered,
    token_mode_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {
    ("GET", USERS): Role.MEMBER,
    ("GET", MESSAGES): Role.MEMBER,
    ("GET", INSTANCES): Role.VIEWER,
    ("GET", OPERATION): Role.VIEWER,
    ("GET", "/api/v1/status"): Role.VIEWER,
    ("POST", INSTANCES): Role.OPERATOR,
    ("POST", INSTANCES + "/none/start"): Role.OPERATOR,
    ("POST", INSTANCES + "/none/stop"): Role.OPERATOR,
    ("DELETE", INSTANCES + "/none"): Role.OPERATOR,
    ("DELETE", OPERATION): Role.OPERATOR,
}


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


async def test_every_route_requires_its_role(strict: Address, tokens: Tokens) -> None:
    ladder = list(Role)
    async with strict.requests() as client:
        for (method, path), needed in ROUTES.items():
            response = await client.request(method, path)
            assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), path
            assert response.headers["WWW-Authenticate"] == "Bearer"
            response = await client.request(method, path, headers=bearer("wrong"))
            assert (response.status_code, response.json()["code"]) == (401, "token_invalid"), path
            for role in Role:
                response = await client.request(method, path, headers=tokens.header(role))
                if ladder.index(role) < ladder.index(needed):
                    assert (response.status_code, response.json()["code"]) == (403, "forbidden"), (path, role)
                else:
                    assert response.status_code in {200, 202, 404}, (path, role, response.text)


async def test_every_api_route_requires_authentication(strict: Address) -> None:
    free = {("POST", USERS), ("GET", SESSION), ("POST", "/api/v1/access/exchange")}
    async with strict.requests() as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        for path, methods in paths.items():
            for method in methods:
                if path.startswith("/api/v1") and (method.upper(), path) not in free:
                    filled = path.replace("{room}", "general").replace("{", "").replace("}", "")
                    response = await client.request(method, filled)
                    assert response.status_code == 401, (method, path, response.status_code)


async def test_the_event_stream_requires_the_viewer_role(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        assert (await client.get(EVENTS)).status_code == 401
        assert (await client.get(EVENTS, headers=tokens.header(Role.MEMBER))).status_code == 403
        async with client.stream("GET", EVENTS, headers=tokens.header(Role.VIEWER)) as response:
            assert response.status_code == 200


async def test_the_session_returns_the_user_and_permissions(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        nobody = (await client.get(SESSION)).json()
        assert nobody.pop("now")
        assert nobody == {"mode": "token", "guests": True, "may": ["register"]}
        session = (await client.get(SESSION, headers=tokens.header(Role.OPERATOR))).json()
        assert (session["name"], session["role"]) == ("the operator", "operator")
        assert session["may"] == ["register", "chat", "see_servers", "command_servers", "see_logs"]
        token = await registered(client, f"g-{uuid4().hex[:8]}")
        session = (await client.get(SESSION, headers=bearer(token))).json()
        assert (session["role"], session["may"]) == ("member", ["register", "chat"])
        assert session["userId"] == token.partition(".")[0]
        assert (await client.get(SESSION, headers=bearer("nonsense"))).status_code == 401
        in_the_url = (await client.get(f"{SESSION}?token={token}")).json()
        assert in_the_url == nobody | {"now": in_the_url["now"]}


async def test_a_guest_can_chat_but_sees_no_instances(strict: Address) -> None:
    async with strict.requests() as client:
        token = await registered(client, f"g-{uuid4().hex[:8]}")
        assert (await client.get(INSTANCES, headers=bearer(token))).status_code == 403
        assert (await client.get(MESSAGES, headers=bearer(token))).status_code == 200
    async with person(strict, token) as guest:
        assert (await guest.say("hi"))["type"] == "ack"


async def test_a_registration_with_a_static_token_has_its_role_and_name(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        token = await registered(client, None, tokens.header(Role.OPERATOR))
        session = (await client.get(SESSION, headers=bearer(token))).json()
        assert (session["name"], session["role"]) == ("the operator", "operator")
        response = await client.post(INSTANCES, headers=bearer(token))
        assert (response.status_code, response.json()["operation"]["actor"]) == (202, "the operator")
        tokens.write(Role.ADMIN)
        await until_answer(
            lambda: client.get(SESSION, headers=bearer(token)),
            lambda response: response.json()["role"] == "member",
        )
        assert (await client.post(INSTANCES, headers=bearer(token))).status_code == 403
        assert (await client.get(SESSION, headers=tokens.header(Role.OPERATOR))).status_code == 401


async def test_the_name_of_a_static_token_is_reserved(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        response = await client.post(USERS, json={"name": "The ADMIN"})
        assert (response.status_code, response.json()["code"]) == (409, "name_taken")
        response = await client.post(USERS, json={})
        assert (response.status_code, response.json()["field"]) == (422, "name")


async def test_without_guests_chatting_requires_a_token(portal: Portal, tokens: Tokens) -> None:
    async with token_mode_gateway(portal, tokens, guests=False) as address, address.requests() as client:
        response = await client.post(USERS, json={"name": "x"})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
        token = await registered(client, f"m-{uuid4().hex[:8]}", tokens.header(Role.MEMBER))
        async with person(address, token) as member:
            assert (await member.say("hi"))["type"] == "ack"
            tokens.write(Role.ADMIN)
            assert await member.closed() == 4002
        async with raw_socket(address) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token}))
            assert await close_code(socket) == 4002


async def test_a_stream_ends_when_its_token_is_revoked(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        async with client.stream("GET", EVENTS, headers=tokens.header(Role.VIEWER)) as response:
            tokens.write(Role.ADMIN)
            async with asyncio.timeout(10):
                async for _ in response.aiter_bytes():
                    pass


async def test_an_unusable_token_file_changes_nothing(
    strict: Address, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    tokens.file.write_text("the operator boss sha256:00\n")
    async with strict.requests() as client:
        await until_answer(lambda: client.get(SESSION), lambda _: "were not reloaded" in caplog.text)
        assert (await client.get(INSTANCES, headers=tokens.header(Role.VIEWER))).status_code == 200
    assert not any(token in caplog.text for token in tokens.by_role.values())


async def test_signing_out_revokes_the_token_at_every_gateway(portal: Portal, strict: Address) -> None:
    async with strict.requests() as client, serving(portal.url, gateway_settings()) as other:
        name = f"o-{uuid4().hex[:8]}"
        token = await registered(client, name)
        async with person(other, token) as elsewhere, person(strict, token):
            assert (await client.delete(SESSION, headers=bearer(token))).status_code == 204
            assert await elsewhere.closed() == 1000
        assert (await client.get(SESSION, headers=bearer(token))).status_code == 401
        assert (await client.delete(SESSION, headers=bearer(token))).status_code == 401
        assert (await client.delete(SESSION)).status_code == 401
        async with raw_socket(other) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token}))
            assert await close_code(socket) == 4002
        assert await registered(client, name) != token


async def test_a_token_is_stored_as_a_digest_and_never_logged(
    portal: Portal, strict: Address, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with strict.requests() as client:
        token = await registered(client, f"s-{uuid4().hex[:8]}")
        await client.get(INSTANCES, headers=bearer(token))
        await client.get(INSTANCES, headers=bearer(token + "x"))
        await client.get(INSTANCES, headers={"Authorization": f"Basic {token}"})
    async with person(strict, token) as someone:
        await someone.send({"type": "hello", "token": token})
        assert (await someone.receive("error"))["code"] == "invalid_request"
    secret = token.partition(".")[2]
    broker = await connect(portal.url, name="test")
    try:
        stored = await StreamReader(broker, MEMBERS_STREAM).last(member_subject(token.partition(".")[0]))
    finally:
        await broker.close()
    assert stored is not None
    assert hashlib.sha256(token.encode()).hexdigest() in stored.data.decode()
    assert secret not in stored.data.decode()
    assert not [
        one for one in caplog.records if secret in one.getMessage() and one.name.startswith("opsroom")
    ]


async def test_a_token_in_the_url_is_ignored(strict: Address, tokens: Tokens) -> None:
    """URLs are stored in logs and browser histories."""
    async with strict.requests() as client:
        for given in (tokens.by_role[Role.ADMIN], await registered(client, f"u-{uuid4().hex[:8]}")):
            for name in ("token", "access_token", "authorization"):
                session = (await client.get(SESSION, params={name: given})).json()
                assert "role" not in session
                for path in ("/api/v1/audit", INSTANCES, MESSAGES, EVENTS):
                    response = await client.get(path, params={name: given})
                    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), path
            async with open_socket(f"{strict.ws}/api/v1/chat/ws?token={given}") as socket:
                await socket.send('{"type":"typing","room":"general"}')
                assert json.loads(await socket.recv())["code"] == "hello_required"


async def test_the_disabled_course_contract_responds_in_its_own_format(strict: Address) -> None:
    async with strict.requests() as client:
        response = await client.post("/chat/new-user", json={"name": "x"})
        assert (response.status_code, response.json()["status"]) == (403, "error")
        response = await client.get("/cloud/")
        assert response.status_code == 403
        assert "is disabled" in response.json()["message"]


async def test_open_mode_accepts_tokens_and_a_loopback_address_proves_nothing(
    portal: Portal, tokens: Tokens
) -> None:
    """Behind a proxy on this machine that adds no header, every visitor has a loopback address."""
    admins_alone = ("/api/v1/audit", "/api/v1/chat/restrictions", "/api/v1/chat/addresses?name=x")
    async with token_mode_gateway(portal, tokens, access="open") as address, address.requests() as client:
        assert (await client.get(SESSION)).json()["role"] == "operator"
        guest = bearer(await registered(client, f"g-{uuid4().hex[:8]}"))
        for headers in ({}, guest, tokens.header(Role.VIEWER)):
            for path in admins_alone:
                response = await client.get(path, headers=headers)
                assert response.json()["code"] in {"unauthenticated", "forbidden"}, (path, headers)
        admin = tokens.header(Role.ADMIN)
        session = (await client.get(SESSION, headers=admin)).json()
        assert (session["name"], session["role"]) == ("the admin", "admin")
        assert [(await client.get(path, headers=admin)).status_code for path in admins_alone] == [200] * 3
    async with events(portal.gateway):
        pass
