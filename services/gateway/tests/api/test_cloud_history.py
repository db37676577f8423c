"""`GET /api/v1/cloud/history`: past events in pages, however many others lie between them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import instance_events
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from services.gateway.tests.kit.portal import Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

HISTORY = "/api/v1/cloud/history"
BUSY = 5_300
"""More than one page reads."""


def event(instance: str, kind: EventType, *, actor: str = "ann", ago: float = 0.0) -> InstanceEvent:
    """An event of ``ago`` seconds before the tests."""
    return InstanceEvent(
        type=kind,
        instance_id=instance,
        operation_id="by-hand",
        command=Command.START,
        state=InstanceState.RUNNING,
        actor=actor,
        reason="no room" if kind is EventType.FAILED else None,
        timestamp=datetime.now(UTC) - timedelta(seconds=ago),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stored(portal: Portal) -> AsyncIterator[list[int]]:
    """Three events of an old server, then thousands of a busy one. Yields the sequences of the three."""
    old = [
        event("old", EventType.CREATED, ago=7200),
        event("old", EventType.RETAINED, ago=5400),
        event("old", EventType.STARTED, actor="bob", ago=3600),
        event("old", EventType.FAILED, ago=1800),
    ]
    broker = await connect(portal.url, name="test")
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        sequences = [
            (await writer.write(Write(instance_events("old"), encode(one.stored()))))[0] for one in old
        ]
        busy = Write(instance_events("busy"), encode(event("busy", EventType.STOPPED, actor="eve").stored()))
        for _ in range(0, BUSY, 1000):
            await asyncio.gather(*(writer.write(busy) for _ in range(min(1000, BUSY))))
    yield [seq for seq, one in zip(sequences, old, strict=True) if one.type is not EventType.RETAINED]
    await broker.close()


async def read(http: httpx.AsyncClient, **query: str | int) -> dict[str, Any]:
    response = await http.get(HISTORY, params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def read_all(http: httpx.AsyncClient, **query: str | int) -> list[dict[str, Any]]:
    """All events that match, page by page."""
    page = await read(http, **query)
    found: list[dict[str, Any]] = page["events"]
    while "next" in page:
        page = await read(http, **(query | {"before": page["next"]}))
        found = page["events"] + found
    return found


async def test_the_events_of_a_server_are_found_behind_thousands_of_others(
    stored: list[int], http: httpx.AsyncClient
) -> None:
    page = await read(http, instance="old")
    assert [one["seq"] for one in page["events"]] == stored
    assert "next" not in page
    assert [one["type"] for one in page["events"]] == ["created", "started", "failed"]
    assert page["events"][-1]["reason"] == "no room"
    listed = (await http.get("/api/v1/cloud/instances")).json()
    assert page["epoch"] == listed["epoch"]
    assert page["events"][1]["instance"]["id"] == "old"


async def test_pages_follow_each_other_without_gaps_or_repeats(
    stored: list[int], http: httpx.AsyncClient
) -> None:
    pages = [await read(http, instance="old", limit=1)]
    while "next" in pages[-1]:
        pages.append(await read(http, instance="old", limit=1, before=pages[-1]["next"]))
    assert [one["seq"] for page in reversed(pages) for one in page["events"]] == stored
    assert len(pages) == len(stored)  # the last one says that there are no more


async def test_a_page_that_used_up_its_budget_says_where_to_go_on(
    stored: list[int], http: httpx.AsyncClient
) -> None:
    page = await read(http, actor="bob")
    assert page["events"] == []
    assert page["next"] > stored[-1]
    assert [one["seq"] for one in await read_all(http, actor="bob")] == [stored[1]]
    assert [one["seq"] for one in await read_all(http, type="failed")] == [stored[2]]


async def test_a_period_is_read_without_what_is_newer(stored: list[int], http: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)

    def ago(seconds: float) -> str:
        return (now - timedelta(seconds=seconds)).isoformat()

    assert [one["seq"] for one in await read_all(http, **{"from": ago(4000), "to": ago(1000)})] == stored[1:]
    assert await read_all(http, **{"from": ago(-3600)}) == []
    assert await read_all(http, to=ago(8000)) == []
    for extreme in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        await read(http, **{"from": extreme, "to": extreme})


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "before=x",
        "type=nothing",
        "from=x",
        "from=1700000000",
        "to=0.5",
        "instance=a b",
    ],
)
async def test_an_invalid_query_is_rejected(http: httpx.AsyncClient, query: str) -> None:
    response = await http.get(f"{HISTORY}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
