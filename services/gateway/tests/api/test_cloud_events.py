"""Readers of the event stream that are too slow or come back too late."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from services.gateway.tests.kit.api_clients import events
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = "/api/v1/cloud/events"
OUTBOX_BYTES = 262_144
COUNT = 8_000
"""Over 6 MB of events: more than the send buffer and both sockets' buffers (up to 4 MB on Linux) hold."""
SMALL_WINDOW = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)]


@pytest_asyncio.fixture(loop_scope="module")
async def broker(portal: Portal) -> AsyncIterator[NatsConnection]:
    connection = await connect(portal.url, name="test")
    yield connection
    await connection.close()


async def publish(broker: NatsConnection, count: int) -> list[int]:
    """Publish ``count`` events at once, bypassing the service. Returns their sequences."""
    event = InstanceEvent(
        type=EventType.FAILED,
        instance_id="busy",
        operation_id="by-hand",
        command=Command.START,
        state=InstanceState.RUNNING,
        actor="a" * 64,
        reason="r" * 500,
        timestamp=datetime(2026, 11, 23, tzinfo=UTC),
    )
    write = Write(instance_events("busy"), encode(event))
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        stored = []
        for start in range(0, count, 1000):
            batch = min(1000, count - start)
            stored += await asyncio.gather(*(writer.write(write) for _ in range(batch)))
    return sorted(seq for (seq,) in stored)


async def ids(response: httpx.Response) -> AsyncGenerator[int]:
    """Yield the ids of all events until the stream ends. Nothing else is parsed, because there are many."""
    rest = ""
    with suppress(httpx.ReadError, httpx.RemoteProtocolError):
        async for text in response.aiter_text():
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                if line.startswith("id: "):
                    yield int(line.removeprefix("id: "))


async def first(count: int, response: httpx.Response) -> list[int]:
    """Return the first ``count`` ids, or all; each wait is bounded by the client's timeout."""
    found: list[int] = []
    async with aclosing(ids(response)) as following:
        async for one in following:
            found.append(one)
            if len(found) == count:
                break
    return found


async def test_a_reader_that_stops_reading_is_closed_without_delaying_others_and_resumes(
    portal: Portal, broker: NatsConnection
) -> None:
    async with serving(portal.url, gateway_settings(outbox_bytes=OUTBOX_BYTES)) as small:
        transport = httpx.AsyncHTTPTransport(socket_options=SMALL_WINDOW)
        async with (
            httpx.AsyncClient(base_url=small.http, transport=transport, timeout=30) as client,
            client.stream("GET", EVENTS) as response,
            small.requests() as other,
            other.stream("GET", EVENTS) as quick,
        ):
            seen, stored = await asyncio.gather(first(COUNT, quick), publish(broker, COUNT))
            assert seen == stored
            before = await first(COUNT, response)
        assert before == seen[: len(before)]
        assert len(before) < COUNT
        missed = seen[len(before) :]
        async with (
            small.requests() as client,
            client.stream("GET", EVENTS, headers={"Last-Event-ID": str(before[-1])}) as again,
        ):
            assert await first(len(missed), again) == missed


async def test_expired_events_get_a_reset(portal: Portal, broker: NatsConnection) -> None:
    stored = await publish(broker, 10)
    await broker.jetstream.purge_stream(CLOUD_STREAM, seq=stored[5])
    async with serving(portal.url) as fresh:
        await assert_reset(fresh, stored[3], head=stored[-1])
        async with events(fresh, since=stored[4]) as nothing_missed:
            assert [int((await nothing_missed.next())["id"]) for _ in range(5)] == stored[5:]


async def assert_reset(address: Address, since: int, head: int) -> None:
    """Check that resuming from ``since`` gets a reset from which the client can continue."""
    async with events(address, since=since) as stream:
        reset = await stream.next()
    assert (reset["event"], int(reset["id"]), reset["data"]["seq"]) == ("reset", head, head)
