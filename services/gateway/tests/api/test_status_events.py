"""The stream of the status: at once, again when something changed, and ended when it should be."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.api import status_events
from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.behind_proxy import TwoGateways, unique_name
from services.gateway.tests.kit.portal import Address, Portal, services, serving
from services.gateway.tests.kit.token_mode import bearer, registered

PATH = "/api/v1/status/events"
Event = tuple[str, dict[str, Any]]


@asynccontextmanager
async def following(address: Address, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of one stream, each with its name."""

    async def events(answer: httpx.Response) -> AsyncIterator[Event]:
        name = ""
        async for line in answer.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)

    async with address.requests() as client, client.stream("GET", PATH, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


async def until(
    events: AsyncIterator[Event], wanted: str, missing: list[str] | None = None
) -> dict[str, Any]:
    async for name, data in events:
        if name == wanted and (missing is None or data["missing"] == missing):
            return data
    raise AssertionError(f"the stream ended without {wanted}, {missing}")


async def test_it_is_sent_at_once_and_when_a_service_or_the_broker_goes_and_comes(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    await broker.start()
    async with AsyncExitStack() as run_tasks:
        await run_tasks.enter_async_context(services(broker.url))
        async with serving(broker.url) as address, following(address) as events:
            whole = await until(events, "status", [])
            assert {replica["service"] for replica in whole["replicas"]} == {"gateway", "chat", "cloud"}
            await run_tasks.aclose()
            await until(events, "status", ["chat", "cloud"])
            await broker.kill()
            assert await until(events, "unavailable") == {}
            await broker.start()
            await until(events, "status", ["chat", "cloud"])
    await broker.stop()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_gateway_that_stops_ends_it_and_says_when_to_come_back(portal: Portal) -> None:
    lines: list[str] = []
    async with AsyncExitStack() as gateway:
        address = await gateway.enter_async_context(serving(portal.url))
        async with address.requests() as client, client.stream("GET", PATH) as answer:
            async for line in answer.aiter_lines():
                lines.append(line)
                if line.startswith("data: "):
                    await gateway.aclose()
    assert "retry: 2000" in lines


@pytest.mark.parametrize("method", ["revoke", "ban"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_viewer_who_is_revoked_or_banned_is_cut_off(
    two: TwoGateways, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not only when the status is next checked."""
    monkeypatch.setattr(status_events, "_INTERVAL_SECONDS", 3600.0)
    name = unique_name("vera")
    async with two.admin() as admin:
        async with two.first.requests() as client:
            token = await registered(client, name, two.tokens.header(Role.VIEWER))
        async with following(two.first, **bearer(token)) as events:
            await until(events, "status")
            if method == "revoke":
                user_id = token.partition(".")[0]
                answer = await admin.delete(f"/api/v1/chat/users/{user_id}/token")
            else:
                answer = await admin.post("/api/v1/chat/bans", json={"name": name})
            assert answer.is_success, answer.text
            async for _ in events:
                pass
        if method == "ban":  # it covers the static token, which other tests use
            lifted = await admin.delete(f"/api/v1/chat/restrictions/{answer.json()['id']}")
            assert lifted.is_success, lifted.text


@pytest.mark.asyncio(loop_scope="module")
async def test_one_viewer_too_many_is_refused(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_events, "VIEWERS_MAX", 1)
    async with following(portal.gateway) as events:
        await anext(events)
        async with portal.gateway.requests() as client:
            refused = await client.get(PATH)
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
