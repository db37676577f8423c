"""A command has an author: in `open` mode the owner of a token, or who the name header says."""

from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.requests import CreateRequest
from opsroom_contracts.http import NAME_HEADER
from opsroom_contracts.identity import Role
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient
from services.gateway.tests.kit.api_clients import person, token_of
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import INSTANCES, SESSION, Tokens, audit_entries, bearer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def named(portal: Portal, tokens: Tokens) -> AsyncIterator[Address]:
    """A gateway in open mode as it is by default, with static tokens for its admin."""
    settings = gateway_settings(open_commands=False, tokens_file=tokens.file)
    async with serving(portal.url, settings) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(named: Address) -> AsyncIterator[httpx.AsyncClient]:
    async with named.requests() as requests:
        yield requests


async def may(client: httpx.AsyncClient, **headers: str) -> set[str]:
    return set((await client.get(SESSION, headers=headers)).json()["may"])


async def test_looking_is_looking(client: httpx.AsyncClient) -> None:
    assert (await client.get(INSTANCES)).status_code == 200
    assert (await client.get("/api/v1/cloud/history")).status_code == 200
    assert await may(client) == {"register", "chat", "see_servers"}


async def test_a_command_without_an_author_is_refused(client: httpx.AsyncClient) -> None:
    operation = (await client.post(INSTANCES, headers={NAME_HEADER: "ann"})).json()["operation"]
    for method, path in (
        ("POST", INSTANCES),
        ("POST", f"{INSTANCES}/{operation['instanceId']}/start"),
        ("DELETE", f"{INSTANCES}/{operation['instanceId']}"),
        ("DELETE", f"/api/v1/cloud/operations/{operation['id']}"),
    ):
        refused = await client.request(method, path)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), path
        assert NAME_HEADER in refused.json()["detail"]
    cancelled = await client.delete(
        f"/api/v1/cloud/operations/{operation['id']}", headers={NAME_HEADER: "bob"}
    )
    assert cancelled.json()["operation"]["status"] == "cancelled"


async def test_a_registered_user_commands_under_their_name(named: Address, client: httpx.AsyncClient) -> None:
    name = f"olga-{uuid4().hex[:6]}"
    token = await token_of(named, name)
    assert "command_servers" in await may(client, **bearer(token))
    response = await client.post(INSTANCES, headers=bearer(token) | {NAME_HEADER: "another"})
    assert response.json()["operation"]["actor"] == name


async def test_a_client_without_a_token_gives_its_name(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": uuid4().hex, NAME_HEADER: quote("Олег из консоли")}
    first, again = [(await client.post(INSTANCES, headers=key)).json()["operation"] for _ in range(2)]
    assert first["actor"] == "Олег из консоли"
    assert again["id"] == first["id"]


async def test_a_name_in_plain_utf_8_is_read_as_such(client: httpx.AsyncClient) -> None:
    raw = [(NAME_HEADER.encode(), "дана №1".encode())]
    assert (await client.post(INSTANCES, headers=raw)).json()["operation"]["actor"] == "дана №1"


@pytest.mark.parametrize("name", [b"%ff", b"J\xfcrgen", b"\xd0", b"%D0", b"%ED%A0%80"])
async def test_a_name_that_is_no_utf_8_is_refused_with_the_reason(
    client: httpx.AsyncClient, name: bytes
) -> None:
    refused = await client.post(INSTANCES, headers=[(NAME_HEADER.encode(), name)])
    assert (refused.status_code, refused.json()["code"]) == (422, "name_invalid")
    assert refused.json()["field"] == NAME_HEADER
    assert refused.json()["detail"] == "The name must be UTF-8, and should be percent-encoded."


@pytest.mark.parametrize("name", ["anonymous", "course", "operator", "the admin", "THE  ADMIN"])
async def test_a_name_that_is_reserved_can_not_be_given(client: httpx.AsyncClient, name: str) -> None:
    refused = await client.post(INSTANCES, headers={NAME_HEADER: quote(name)})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")


@pytest.mark.parametrize("name", ["%20", "x" * 33, "%E2%80%AE", "%00", "%ff"])
async def test_a_name_that_is_none_is_refused(client: httpx.AsyncClient, name: str) -> None:
    refused = await client.post(INSTANCES, headers={NAME_HEADER: name})
    assert (refused.status_code, refused.json()["code"]) in {(422, "name_invalid"), (422, "invalid_request")}


async def test_the_name_of_a_user_can_not_be_given(named: Address, client: httpx.AsyncClient) -> None:
    name = f"anna-{uuid4().hex[:6]}"
    async with person(named, name=name):
        refused = await client.post(INSTANCES, headers={NAME_HEADER: name.upper()})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")


async def test_a_banned_name_can_not_be_given(client: httpx.AsyncClient, tokens: Tokens) -> None:
    name = f"troll-{uuid4().hex[:6]}"
    admin = tokens.header(Role.ADMIN)
    banned = await client.post("/api/v1/chat/bans", json={"name": name}, headers=admin)
    assert banned.status_code == 201, banned.text
    refused = await client.post(INSTANCES, headers={NAME_HEADER: name})
    assert (refused.status_code, refused.json()["code"]) == (403, "banned")


async def test_the_header_proves_nothing_in_other_modes(portal: Portal, tokens: Tokens) -> None:
    settings = gateway_settings(access="token", tokens_file=tokens.file)
    async with serving(portal.url, settings) as address, address.requests() as client:
        refused = await client.post(INSTANCES, headers={NAME_HEADER: "ann"})
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert NAME_HEADER not in refused.json()["detail"]


async def test_an_admin_of_this_machine_has_a_name_as_well(portal: Portal) -> None:
    settings = gateway_settings(open_commands=False, open_moderation=True)
    async with serving(portal.url, settings) as address, address.requests() as client:
        assert "command_servers" not in await may(client)
        assert (await client.post(INSTANCES)).json()["code"] == "unauthenticated"
        assert (await client.post(INSTANCES, headers={NAME_HEADER: "ann"})).status_code == 202


async def test_a_setting_allows_commands_without_an_author_as_before(http: httpx.AsyncClient) -> None:
    assert "command_servers" in await may(http)
    assert (await http.post(INSTANCES)).json()["operation"]["actor"] == "anonymous"


async def test_a_command_over_nats_without_a_name_is_the_operators(
    portal: Portal, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    broker = await connect(portal.url, name="operator")
    reply = await RequestClient(broker, timeout=20).request(endpoints.CREATE_INSTANCE, CreateRequest())
    named = await RequestClient(broker, timeout=20).request(
        endpoints.CREATE_INSTANCE, CreateRequest(actor="ann")
    )
    await broker.close()
    assert [reply.operation.actor, named.operation.actor] == ["operator", "ann"]
    entries = await audit_entries(client, tokens, None, 1)
    assert "anonymous" not in {
        entry["actor"] for entry in entries if entry.get("operationId") == reply.operation.id
    }
