"""Webhooks over HTTP: who may make them, and what is refused."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOKS = "/api/v1/webhooks"
NEW = {"url": "https://example.org/x", "filter": {"topics": ["alerts", "servers"], "labels": {"env": "prod"}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(portal: Portal, tokens: Tokens) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's HTTP client of a gateway in token mode, with the service that keeps webhooks."""
    async with incidents_at(portal.url), token_mode_gateway(portal, tokens) as address:
        assert isinstance(address, Address)
        async with address.requests() as requests:
            requests.headers.update(tokens.header(Role.ADMIN))
            yield requests


async def test_only_admins_manage_webhooks(client: httpx.AsyncClient, tokens: Tokens) -> None:
    for role in (Role.MEMBER, Role.OPERATOR):
        header = tokens.header(role)
        assert (await client.get(WEBHOOKS, headers=header)).json()["code"] == "forbidden"
        assert (await client.post(WEBHOOKS, json=NEW, headers=header)).json()["code"] == "forbidden"
    response = await client.post(WEBHOOKS, json=NEW)
    assert response.status_code == 201, response.text
    made = response.json()
    listed = (await client.get(WEBHOOKS)).json()["webhooks"]
    assert made["webhook"] in listed
    assert made["secret"] not in json.dumps(listed)
    path = f"{WEBHOOKS}/{made['webhook']['id']}"
    changed = (await client.patch(path, json={"enabled": False, "description": "pager"})).json()
    assert (changed["state"], changed["disabledReason"], changed["description"]) == (
        "disabled",
        "admin",
        "pager",
    )
    rotated = (await client.post(f"{path}/rotate")).json()
    assert rotated["secret"] != made["secret"]
    assert (await client.post(f"{path}/replay")).status_code == 200
    too_late = (await client.post(f"{path}/replay", json={"start": "CLOUD-999999999"})).json()
    assert (too_late["code"], too_late["field"]) == ("invalid_request", "start")
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).json()["code"] == "webhook_unknown"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NEW, "url": "https://127.0.0.1/"}, "url"),
        ({**NEW, "url": "http://example.org/"}, "url"),
        ({**NEW, "filter": {"topics": []}}, "filter.topics"),
        ({**NEW, "filter": {"topics": ["weather"]}}, "filter.topics.0"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_field(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    response = await client.post(WEBHOOKS, json=body)
    assert (response.status_code, response.json()["field"]) == (422, field)
