"""Who may read logs and statistics, for how long, and what of that is audited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.http import NAME_HEADER
from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until, until_answer
from services.gateway.tests.kit.behind_proxy import TwoGateways, unique_name
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving
from services.gateway.tests.kit.scripted_agent import PROVIDER, ScriptedAgent, scripted_agent
from services.gateway.tests.kit.stored_events import event_writer
from services.gateway.tests.kit.token_mode import SESSION, audit_entries, bearer, registered

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 30.0
INSTANCES = "/api/v1/cloud/instances"
PERMITTED = {
    "logs": {Role.MEMBER: False, Role.VIEWER: False, Role.OPERATOR: True, Role.ADMIN: True},
    "stats": {Role.MEMBER: False, Role.VIEWER: True, Role.OPERATOR: True, Role.ADMIN: True},
    "adoptable": {Role.MEMBER: False, Role.VIEWER: False, Role.OPERATOR: True, Role.ADMIN: True},
    "providers": {Role.MEMBER: False, Role.VIEWER: True, Role.OPERATOR: True, Role.ADMIN: True},
    "templates": {Role.MEMBER: False, Role.VIEWER: True, Role.OPERATOR: True, Role.ADMIN: True},
    "change": {Role.MEMBER: False, Role.VIEWER: False, Role.OPERATOR: True, Role.ADMIN: True},
    "batch": {Role.MEMBER: False, Role.VIEWER: False, Role.OPERATOR: True, Role.ADMIN: True},
    "adopt": {Role.MEMBER: False, Role.VIEWER: False, Role.OPERATOR: True, Role.ADMIN: True},
}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "logs": ("GET", f"{INSTANCES}/nobody/logs", None),
    "stats": ("GET", f"{INSTANCES}/nobody/stats", None),
    "adoptable": ("GET", "/api/v1/cloud/providers/nothing/adoptable", None),
    "providers": ("GET", "/api/v1/cloud/providers", None),
    "templates": ("GET", "/api/v1/cloud/templates", None),
    "change": ("PATCH", f"{INSTANCES}/nobody", {"protected": True}),
    "batch": ("POST", "/api/v1/cloud/batch", {"command": "start", "ids": ["nobody"]}),
    "adopt": ("POST", "/api/v1/cloud/adoptions", {"provider": "nothing", "resource": "r"}),
}


@pytest_asyncio.fixture(loop_scope="module")
async def lab(portal: Portal) -> AsyncIterator[ScriptedAgent]:
    """The agent of a test."""
    async with scripted_agent(portal.url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def server(portal: Portal, two: TwoGateways) -> str:
    """The id of a server of the agent, which both gateways know."""
    instance_id = uuid4().hex
    async with event_writer(portal.url) as writer:
        seq = await writer.outside(instance_id, provider=PROVIDER)
    for address in (portal.gateway, two.first, two.second):
        async with address.requests() as client, asyncio.timeout(PATIENCE_SECONDS):
            headers = two.tokens.header(Role.VIEWER)
            if address is portal.gateway:
                headers = {}
            while (await client.get(INSTANCES, headers=headers)).json()["seq"] < seq:
                await asyncio.sleep(0.02)
    return instance_id


@asynccontextmanager
async def opened(
    address: Address, server: str, what: str, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """Open a stream that is followed."""
    async with address.requests() as client:
        path = f"{INSTANCES}/{server}/{what}?follow=true"
        async with client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            yield response


@pytest.mark.parametrize(
    ("what", "role", "permitted"),
    [(what, role, may) for what, roles in PERMITTED.items() for role, may in roles.items()],
)
async def test_every_role_may_do_what_the_table_says(
    two: TwoGateways, what: str, role: Role, permitted: bool
) -> None:
    method, path, body = REQUESTS[what]
    async with two.first.requests() as client:
        response = await client.request(method, path, json=body, headers=two.tokens.header(role))
        nameless = await client.request(method, path, json=body)
    assert (response.json().get("code") == "forbidden") is not permitted
    assert (nameless.status_code, nameless.json()["code"]) == (401, "unauthenticated")


async def test_in_open_mode_a_log_takes_a_name(portal: Portal, lab: ScriptedAgent, server: str) -> None:
    async with serving(portal.url, gateway_settings(open_commands=False)) as address:
        async with address.requests() as client:
            refused = await client.get(f"{INSTANCES}/{server}/logs")
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
            assert NAME_HEADER in refused.json()["detail"]
        async with opened(address, server, "logs", {NAME_HEADER: unique_name("ann")}):
            assert len(lab.streams) == 1
        async with opened(address, server, "stats", {}):
            assert len(lab.streams) == 2


async def test_opening_a_log_is_audited_and_so_is_a_refusal(
    two: TwoGateways, lab: ScriptedAgent, server: str
) -> None:
    async with opened(two.second, server, "logs", two.tokens.header(Role.OPERATOR)):
        pass
    unknown = uuid4().hex  # on a gateway of which no other test here uses up the limit of refusals
    async with two.second.requests() as client:
        await client.get(f"{INSTANCES}/{server}/logs", headers=two.tokens.header(Role.VIEWER))
        await client.get(f"{INSTANCES}/{unknown}/logs", headers=two.tokens.header(Role.OPERATOR))
        about = await audit_entries(client, two.tokens, server, 2)
        (missing,) = await audit_entries(client, two.tokens, unknown, 1)
    assert [(one["action"], one["outcome"], one["actor"], one.get("code")) for one in about] == [
        ("read_log", "accepted", "the operator", None),
        ("read_log", "refused", "the viewer", "forbidden"),
    ]
    assert (missing["outcome"], missing["code"]) == ("refused", "instance_not_found")


@pytest.mark.parametrize("what", ["logs", "stats"])
@pytest.mark.parametrize("method", ["revoke", "ban", "role"])
async def test_a_reader_who_loses_the_permission_is_cut_off(
    two: TwoGateways, lab: ScriptedAgent, server: str, what: str, method: str
) -> None:
    name = unique_name("vera")
    async with two.admin() as admin:
        async with two.first.requests() as client:
            token = await registered(client, name, two.tokens.header(Role.OPERATOR))
        async with opened(two.first, server, what, bearer(token)) as response:
            stream = await lab.stream()
            if method == "revoke":
                answer = await admin.delete(f"/api/v1/chat/users/{token.partition('.')[0]}/token")
                assert answer.is_success, answer.text
            elif method == "ban":
                answer = await admin.post("/api/v1/chat/bans", json={"name": name})
                assert answer.is_success, answer.text
            else:
                two.tokens.write(Role.MEMBER, Role.VIEWER, Role.ADMIN)
            async with asyncio.timeout(PATIENCE_SECONDS):
                text = (await response.aread()).decode()
            assert "event: end" not in text
        if method == "ban":
            lifted = await admin.delete(f"/api/v1/chat/restrictions/{answer.json()['id']}")
            assert lifted.is_success, lifted.text
        elif method == "role":
            two.tokens.write(*Role)
            async with two.first.requests() as client:
                await until_answer(
                    lambda: client.get(SESSION, headers=two.tokens.header(Role.OPERATOR)),
                    lambda answer: answer.is_success,
                )
        await until(lambda: stream.stopped)


async def test_a_gateway_that_stops_ends_its_streams_and_says_when_to_come_back(
    portal: Portal, lab: ScriptedAgent, server: str
) -> None:
    async with AsyncExitStack() as running:
        address = await running.enter_async_context(serving(portal.url))
        async with opened(address, server, "logs", {}) as response:
            stream = await lab.stream()
            stopping = asyncio.create_task(running.aclose())
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert "retry: 2000" in (await response.aread()).decode()
            await stopping
    assert stream.stopped


async def test_the_agent_of_a_server_may_be_away(http: httpx.AsyncClient, server: str) -> None:
    response = await http.get(f"{INSTANCES}/{server}/logs")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (503, "provider_away")
    assert PROVIDER in problem["detail"]
