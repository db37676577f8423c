"""Rotas over HTTP: admins change them, and who may read the room sees them."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.identity import Role
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON_CALL = "/api/v1/on-call"
ROTA = {
    "name": "Ops",
    "room": "general",
    "people": ["u-ann"],
    "weekday": 0,
    "time": "09:00",
    "zone": "UTC",
    "minutes": 10,
}


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


async def test_admins_change_a_rota_and_others_do_not(
    client: httpx.AsyncClient, strict: Address, tokens: Tokens
) -> None:
    async with person(strict) as first, person(strict) as second:
        ann, bob = first.welcome["user"], second.welcome["user"]
    rota = {"name": "Ops", "room": "general", "people": [ann["id"], bob["id"]], "weekday": 0}
    rota |= {"time": "09:00", "zone": "Europe/Berlin", "minutes": 10}
    holiday = {"person": bob["id"], "from": "2020-01-01T00:00:00.000Z", "to": "2200-01-01T00:00:00.000Z"}
    put = await client.put(ON_CALL, json={"rota": {**rota, "overrides": [holiday]}})
    assert put.status_code == 200, put.text
    assert put.json()["rota"]["onDuty"] == bob
    assert (await client.get(ON_CALL)).json()["rotas"] == [put.json()["rota"]]
    async with strict.requests() as requests:
        requests.headers.update(tokens.header(Role.OPERATOR))
        assert (await requests.put(ON_CALL, json={"rota": rota})).status_code == 403
    assert (await client.put(ON_CALL, json={"rota": {**rota, "minutes": 0}})).status_code == 422
    nobody = (await client.put(ON_CALL, json={"rota": {**rota, "people": ["u-nobody"]}})).json()
    assert (nobody["code"], nobody["field"]) == ("invalid_request", "people")


async def test_a_bot_of_an_admin_changes_no_rotas(client: httpx.AsyncClient, strict: Address) -> None:
    made = await client.post("/api/v1/access/bots", json={"name": f"b-{uuid4().hex[:8]}", "role": "admin"})
    assert made.status_code == 201, made.text
    async with strict.requests() as requests:
        requests.headers["Authorization"] = f"Bearer {made.json()['token']}"
        assert (await requests.get(ON_CALL)).status_code == 200
        refused = await requests.put(ON_CALL, json={"rota": ROTA})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
