"""Servers that change outside the portal, as clients of the course contract see them."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from opsroom_contracts.cloud.commands import EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.stored_events import event_writer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 30.0
RUNNING, STOPPED = InstanceState.RUNNING, InstanceState.STOPPED
STEPS: tuple[tuple[EventType, InstanceState, Condition, tuple[str, ...]], ...] = (
    (EventType.ADOPTED, RUNNING, Condition.OK, ("created", "started")),
    (EventType.OBSERVED, RUNNING, Condition.OK, ()),
    (EventType.OBSERVED, STOPPED, Condition.FAILED, ("stopped",)),
    (EventType.OBSERVED, RUNNING, Condition.OK, ("started",)),
    (EventType.LOST, RUNNING, Condition.LOST, ("removed",)),
    (EventType.OBSERVED, STOPPED, Condition.OK, ("created",)),
    (EventType.LOST, STOPPED, Condition.LOST, ("removed",)),
)
"""Each event, the state and condition after it, and the contract's events for it."""


async def test_they_are_the_events_with_the_same_effect_and_lead_to_the_list(
    portal: Portal, address: Address, http: httpx.AsyncClient
) -> None:
    instance_id, marker = str(uuid4()), str(uuid4())
    shown: dict[str, str] = {}
    async with event_writer(portal.url) as writer, http.stream("GET", "/cloud/sse") as response:
        lines = response.aiter_lines()
        for kind, state, condition, expected in STEPS:
            await writer.outside(instance_id, kind, state, provider="lab", condition=condition)
            await writer.outside(marker, EventType.ADOPTED, STOPPED, provider="lab")
            await writer.outside(marker, EventType.LOST, STOPPED, provider="lab", condition=Condition.LOST)
            seen = [one for one in await until_removed(lines, marker) if one["id"] == instance_id]
            assert [one["type"] for one in seen] == list(expected)
            for one in seen:
                shown[one["id"]] = one["state"]
                if one["type"] == "removed":
                    del shown[one["id"]]
            async with address.requests() as client:
                listed = {one["id"]: one["state"] for one in (await client.get("/cloud")).json()}
            assert {one: listed[one] for one in listed if one == instance_id} == shown


async def until_removed(lines: Any, instance_id: str) -> list[dict[str, Any]]:
    """Return the events up to that which removes a server."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for line in lines:
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if (seen[-1]["id"], seen[-1]["type"]) == (instance_id, "removed"):
                    return seen
    raise AssertionError("the stream ended")
