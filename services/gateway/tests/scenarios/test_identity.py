"""Limits, keys and audit entries belong to who proves to be somebody, whatever the name."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_contracts.identity import RESERVED_NAMES, Role
from opsroom_gateway.auth.static_tokens import parse_tokens
from opsroom_messaging.client.connection import connect
from services.gateway.tests.kit.api_clients import PATIENCE_SECONDS, person, token_of
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import (
    INSTANCES,
    USERS,
    Tokens,
    audit_entries,
    bearer,
    registered,
    token_mode_gateway,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = {"exempt_addresses": (), "commands_per_second": 0.001, "messages_per_second": 0.001}
"""Limits under which no second command or message is earned while a test runs."""


def unique(what: str) -> str:
    return f"{what}-{uuid4().hex[:8]}"


@pytest.fixture
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in token mode."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


async def test_a_reserved_name_can_be_registered_with_its_own_token_only(
    strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as client:
        alias = await registered(client, unique("op"), tokens.header(Role.OPERATOR))
        for name in ("the admin", "The  ADMIN", "the\u00a0admin"):
            for other in (tokens.header(Role.OPERATOR), tokens.header(Role.MEMBER), bearer(alias), {}):
                response = await client.post(USERS, json={"name": name}, headers=other)
                assert (response.status_code, response.json()["code"]) == (409, "name_taken"), other
        own = await registered(client, None, tokens.header(Role.ADMIN))
        assert (await client.delete("/api/v1/session", headers=bearer(own))).status_code == 204
        await registered(client, "THE admin", tokens.header(Role.ADMIN))


async def test_nobody_can_take_the_names_that_the_portal_shows(
    portal: Portal, strict: Address, tokens: Tokens
) -> None:
    async with strict.requests() as guest, portal.gateway.requests() as in_open_mode:
        for name in (*RESERVED_NAMES, "ANONYMOUS", "cours\uff45"):
            for client, headers in ((guest, {}), (guest, tokens.header(Role.ADMIN)), (in_open_mode, {})):
                response = await client.post(USERS, json={"name": name}, headers=headers)
                assert (response.status_code, response.json()["code"]) == (409, "name_taken"), name
        response = await in_open_mode.post("/chat/new-user", json={"name": "Course"})
        assert (response.status_code, response.json()["status"]) == (409, "error")


async def test_all_names_of_one_token_share_one_limit_of_commands(portal: Portal, tokens: Tokens) -> None:
    async with (
        token_mode_gateway(portal, tokens, commands_burst=3, **SLOW) as address,
        address.requests() as client,
    ):
        operator = tokens.header(Role.OPERATOR)
        names = [bearer(await registered(client, unique("alias"), operator)) for _ in range(3)]
        replies = [await client.post(INSTANCES, headers=headers) for headers in (*names, operator, *names)]
        assert [reply.status_code for reply in replies] == [202] * 3 + [429] * 4
        assert (await client.post(INSTANCES, headers=tokens.header(Role.ADMIN))).status_code == 202


async def test_all_names_of_one_token_share_one_limit_of_messages(portal: Portal, tokens: Tokens) -> None:
    async with (
        token_mode_gateway(portal, tokens, messages_burst=2, **SLOW) as address,
        address.requests() as client,
    ):
        member = tokens.header(Role.MEMBER)
        one, two = [await registered(client, unique("alias"), member) for _ in range(2)]
        async with person(address, one) as first, person(address, two) as second, person(address) as other:
            assert [(await first.say("hi"))["type"] for _ in range(2)] == ["ack", "ack"]
            assert (await second.say("hi"))["code"] == "rate_limited"
            assert (await other.say("hi"))["type"] == "ack"


async def test_somebody_named_like_the_course_clients_has_limits_of_their_own(portal: Portal) -> None:
    """The name can't be registered over HTTP; an older release allowed it."""
    broker = await connect(portal.url, name="test")
    reply = await broker.client.request("chat.register", b'{"name":"course"}', timeout=PATIENCE_SECONDS)
    token = json.loads(reply.data)["token"]
    await broker.close()
    settings = gateway_settings(commands_burst=2, **SLOW)
    async with serving(portal.url, settings) as address, address.requests() as client:
        named = [await client.post(INSTANCES, headers=bearer(token)) for _ in range(3)]
        assert [one.status_code for one in named] == [202, 202, 429]
        statuses = [
            (await client.post(INSTANCES)).status_code,
            (await client.post("/cloud/")).status_code,
            (await client.post(INSTANCES)).status_code,
        ]
        assert statuses == [202, 201, 429], "clients of one address without a token share a limit"


async def test_a_key_belongs_to_an_identity(strict: Address, tokens: Tokens) -> None:
    async with strict.requests() as client:
        key = {"Idempotency-Key": uuid4().hex}
        operator, admin = tokens.header(Role.OPERATOR), tokens.header(Role.ADMIN)
        alias = bearer(await registered(client, unique("alias"), operator))

        async def created(headers: dict[str, str]) -> dict[str, str]:
            response = await client.post(INSTANCES, headers=headers | key)
            assert response.status_code == 202, response.text
            operation: dict[str, str] = response.json()["operation"]
            return operation

        first, other = await created(operator), await created(admin)
        assert (await created(operator))["id"] == (await created(alias))["id"] == first["id"]
        assert (await created(admin))["id"] == other["id"] != first["id"]
        assert first["instanceId"] != other["instanceId"]
        for operation, actor in ((first, "the operator"), (other, "the admin")):
            entries = await audit_entries(client, tokens, operation["instanceId"], 1)
            assert [(one["action"], one["actor"]) for one in entries] == [("create", actor)]


async def test_audit_entries_have_the_identity_besides_the_name(strict: Address, tokens: Tokens) -> None:
    (token,) = parse_tokens([tokens.lines[Role.OPERATOR]])
    async with strict.requests() as client:
        target, name = unique("none"), unique("alias")
        alias = bearer(await registered(client, name, tokens.header(Role.OPERATOR)))
        guest = await registered(client, unique("guest"))
        for headers in (tokens.header(Role.OPERATOR), alias, bearer(guest), {}):
            await client.post(f"{INSTANCES}/{target}/stop", headers=headers)
            await client.post("/api/v1/chat/mutes", json={"name": target}, headers=headers)
        entries = await audit_entries(client, tokens, target, 4)
        identities = {one["actor"]: one["identity"] for one in entries}
        assert identities["the operator"] == identities[name] == token.source
        assert f"user:{guest.partition('.')[0]}" in identities.values()
        assert identities["anonymous"].startswith("anonymous:")
        response = await client.post(INSTANCES, headers=alias)
        instance = response.json()["operation"]["instanceId"]
        (entry,) = await audit_entries(client, tokens, instance, 1)
        assert (entry["actor"], entry["identity"]) == (name, token.source)


async def test_an_identity_is_in_no_public_reply(strict: Address, tokens: Tokens) -> None:
    (token,) = parse_tokens([tokens.lines[Role.OPERATOR]])
    async with strict.requests() as client:
        operator = tokens.header(Role.OPERATOR)
        before = (await client.get(INSTANCES, headers=operator)).json()["seq"]
        created = await client.post(INSTANCES, headers=operator)
        listed = await client.get(INSTANCES, headers=operator)
        assert token.digest[:32] not in created.text + listed.text
        path = f"/api/v1/cloud/events?since={before}"
        async with (
            client.stream("GET", path, headers=operator) as response,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            async for line in response.aiter_lines():
                assert token.digest[:32] not in line
                if '"received"' in line:
                    break


async def test_users_without_a_credential_are_identities_of_their_own(portal: Portal) -> None:
    settings = gateway_settings(commands_burst=1, **SLOW)
    async with serving(portal.url, settings) as address, address.requests() as client:
        for _ in range(2):
            headers = bearer(await token_of(address))
            statuses = [(await client.post(INSTANCES, headers=headers)).status_code for _ in range(2)]
            assert statuses == [202, 429]
