"""Logs and statistics of servers: one stream of the agent for all readers, with back-pressure and losses."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.agents.protocol import WINDOW, LogChunk, LogLine, StatsChunk, StatsRequest, StatsSample
from opsroom_contracts.errors import ErrorCode
from opsroom_gateway.api.cloud import looking
from opsroom_testkit.raw_connection import open_raw
from opsroom_testkit.waiting import until
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.scripted_agent import PROVIDER, ScriptedAgent, scripted_agent
from services.gateway.tests.kit.stored_events import EventWriter, event_writer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 30.0
INSTANCES = "/api/v1/cloud/instances"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writer(portal: Portal) -> AsyncIterator[EventWriter]:
    """A writer of events."""
    async with event_writer(portal.url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def lab(portal: Portal) -> AsyncIterator[ScriptedAgent]:
    """The agent of a test."""
    async with scripted_agent(portal.url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def server(writer: EventWriter, address: Address) -> str:
    """The name of a server of the agent."""
    name = f"web-{uuid4().hex[:8]}"
    await writer.outside(uuid4().hex, provider=PROVIDER, name=name, template="web")

    async def is_listed() -> bool:
        async with address.requests() as client:
            listed = (await client.get(INSTANCES)).json()["instances"]
        return any(one["name"] == name for one in listed)

    while not await is_listed():
        await asyncio.sleep(0.01)
    return name


@dataclass(slots=True)
class Reading:
    """A stream that is read event by event."""

    events: AsyncIterator[tuple[str, dict[str, Any]]]
    lines: list[str] = field(default_factory=list)
    skipped: int = 0
    seq: int = 0

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Return the next event; the sequence of entries has no gaps."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            name, data = await anext(self.events)
        if name != "end":
            assert data["seq"] == self.seq + 1
            self.seq += 1
            self.skipped += data.get("skipped", 0)
            self.lines += [line["text"] for line in data.get("lines", ())]
        return name, data

    async def until_lines(self, count: int) -> list[str]:
        """Read until there are ``count`` lines, with those that were lost."""
        while len(self.lines) + self.skipped < count:
            await self.next()
        return self.lines

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all events until the stream ends."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [event async for event in self.events]


@asynccontextmanager
async def reading(
    address: Address, server: str, what: str = "logs", headers: dict[str, str] | None = None, **query: object
) -> AsyncIterator[Reading]:
    """Open a stream."""
    params = {name: str(value).lower() for name, value in query.items()}
    path = f"{INSTANCES}/{server}/{what}"
    async with address.requests() as client:
        async with client.stream("GET", path, params=params, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["Content-Type"].startswith("text/event-stream")
            yield Reading(_events(response))


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in response.aiter_lines():
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)


def numbered(first: int, count: int, size: int = 0) -> list[str]:
    """Return lines with their numbers."""
    return [f"{number}".ljust(size, ".") for number in range(first, first + count)]


def numbers(lines: list[str]) -> list[int]:
    return [int(line.rstrip(".")) for line in lines]


async def test_readers_of_one_log_share_a_stream_and_each_gets_the_tail_it_wants(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    async with AsyncExitStack() as others:
        async with reading(address, server, tail=100, follow=True) as first:
            stream = await lab.stream()
            assert stream.request.server.name == server
            assert (stream.request.server.template, stream.request.tail, stream.request.follow) == (  # type: ignore[union-attr]
                "web",
                100,
                True,
            )
            await stream.send(numbered(0, 60))
            await stream.send(numbered(60, 40))
            assert numbers(await first.until_lines(100)) == list(range(100))
            readers = [
                await others.enter_async_context(reading(address, server, tail=tail, follow=True))
                for tail in (50, 0, 100)
            ]
            await stream.send(numbered(100, 1))
            for reader, tail in zip(readers, (50, 0, 100), strict=True):
                assert numbers(await reader.until_lines(tail + 1)) == list(range(100 - tail, 101))
                assert reader.skipped == 0
        await stream.send(numbered(101, 1))
        assert numbers(await readers[1].until_lines(2)) == [100, 101]
        assert not stream.stopped
    await until(lambda: stream.stopped)
    assert len(lab.streams) == 1


async def test_twenty_readers_get_every_line_in_order(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    chunks, lines = 25, 200
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(reading(address, server, follow=True)) for _ in range(20)]
        waiting = [asyncio.create_task(reader.until_lines(chunks * lines)) for reader in readers]
        stream = await lab.stream()
        for chunk in range(chunks):
            await stream.send(numbered(chunk * lines, lines))
        for task in waiting:
            assert numbers(await task) == list(range(chunks * lines))
        assert len(lab.streams) == 1


async def test_a_reader_who_wants_more_past_lines_gets_another_stream(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    async with reading(address, server, tail=1, follow=True) as first:
        await (await lab.stream()).send(["a"])
        await first.until_lines(1)
        async with reading(address, server, tail=3, follow=True) as other:
            await (await lab.stream(1)).send(["x", "y", "a"])
            assert await other.until_lines(3) == ["x", "y", "a"]
            assert first.lines == ["a"]


async def test_a_log_that_is_not_followed_ends(address: Address, lab: ScriptedAgent, server: str) -> None:
    async with reading(address, server, tail=2) as log:
        stream = await lab.stream()
        await stream.send(["one", "two"], skipped=3)
        await stream.end()
        assert await log.next() == (
            "log",
            {
                "seq": 1,
                "skipped": 3,
                "lines": [{"text": "one", "source": "stdout"}, {"text": "two", "source": "stdout"}],
            },
        )
        assert await log.rest() == [("end", {})]
    await until(lambda: not stream.stopped)


async def test_the_end_has_the_agents_reason_and_comes_after_the_lines(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    async with reading(address, server, follow=True) as log:
        stream = await lab.stream()
        await stream.send(["last"])
        await stream.end("the container was removed")
        assert [name for name, _ in await log.rest()] == ["log", "end"]
    async with reading(address, server, follow=True) as log:
        await (await lab.stream(1)).end("the container was removed")
        assert await log.rest() == [("end", {"reason": "the container was removed"})]


async def test_a_lone_reader_slows_the_agent_down_and_loses_nothing(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    chunks, lines = 60, 100
    request = f"GET {INSTANCES}/{server}/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    connection = await open_raw(address.port, request)
    stream = await lab.stream()

    async def send() -> None:
        for chunk in range(chunks):
            await stream.send(numbered(chunk * lines, lines, size=2000))
        await stream.end()

    sending = asyncio.create_task(send())
    while stream.sent - stream.acknowledged < WINDOW or not sending.done():
        before = (stream.sent, stream.acknowledged)
        await asyncio.sleep(0.3)
        if before == (stream.sent, stream.acknowledged):
            break  # nothing moves any more
    assert not sending.done()
    assert stream.sent - stream.acknowledged == WINDOW
    received = (await connection.read_all()).decode()
    await sending
    assert "skipped" not in received
    found = [int(part.partition(".")[0]) for part in received.split('"text":"')[1:]]
    assert found == list(range(chunks * lines))
    connection.close()


async def test_a_slow_reader_learns_what_it_lost_and_delays_nobody(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    chunks, lines = 80, 100
    request = f"GET {INSTANCES}/{server}/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with reading(address, server, follow=True) as fast:
        stream = await lab.stream()
        slow = await open_raw(address.port, request)  # it does not read yet
        await stream.send(numbered(0, lines, size=2000))
        for chunk in range(1, chunks):
            await stream.send(numbered(chunk * lines, lines, size=2000))
            await fast.until_lines((chunk + 1) * lines)
        assert numbers(fast.lines) == list(range(chunks * lines))
        await stream.end()
        received = (await slow.read_all()).decode()
        slow.close()
    events = [json.loads(part.partition("\n")[0]) for part in received.split("data: ")[1:]]
    found = [int(line["text"].rstrip(".")) for event in events for line in event.get("lines", ())]
    lost = sum(event.get("skipped", 0) for event in events)
    assert found == sorted(set(found))
    assert lost > 0
    assert len(found) + lost == chunks * lines


@pytest.mark.parametrize("fault", ["lost", "unreadable", "closed"])
async def test_a_stream_that_breaks_off_ends_without_an_end_unless_opening_it_again_is_useless(
    address: Address, lab: ScriptedAgent, server: str, portal: Portal, fault: str
) -> None:
    async with reading(address, server, follow=True) as log:
        stream = await lab.stream()
        await stream.send(["one"])
        await log.until_lines(1)
        if fault == "lost":
            stream.sent += 1
            await stream.send(["three"])
            assert await log.rest() == []
        elif fault == "unreadable":
            await lab.broker.publish(f"provider.{PROVIDER}.streams.{stream.request.stream}", b"{")
            (end,) = await log.rest()
            assert end == ("end", {"reason": "the agent sent a message that can't be read"})
        elif fault == "closed":
            lab.replies_to_more = False
            for number in range(WINDOW // 2):
                await stream.send([f"{number}"])
            assert [name for name, _ in await log.rest()] == ["log"] * (WINDOW // 2)


async def test_statistics_of_a_reader_who_joins_begin_a_quarter_of_an_hour_ago(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    now = datetime.now(UTC)
    samples = tuple(
        StatsSample(at=now - timedelta(minutes=minutes), cpu=0.5, memory=minutes) for minutes in (20, 10, 0)
    )
    async with reading(address, server, "stats") as first:
        stream = await lab.stream()
        assert isinstance(stream.request, StatsRequest)
        await stream.publish(StatsChunk(seq=1, samples=samples))
        name, data = await first.next()
        assert (name, [one["memory"] for one in data["samples"]]) == ("stats", [20, 10, 0])
        async with reading(address, server, "stats") as other:
            _, data = await other.next()
            assert [one["memory"] for one in data["samples"]] == [10, 0]


async def test_what_an_agent_refuses_is_the_response(
    address: Address, lab: ScriptedAgent, server: str, http: httpx.AsyncClient
) -> None:
    lab.refusal = ErrorCode.UNSUPPORTED
    response = await http.get(f"{INSTANCES}/{server}/logs")
    assert (response.status_code, response.json()["code"]) == (409, "unsupported")


@pytest.mark.parametrize(
    ("query", "field", "limit"),
    [
        ("tail=10001", "tail", "10000"),
        ("tail=-1", "tail", "0"),
        ("tail=x", "tail", "integer"),
        ("follow=2", "follow", "true or false"),
    ],
)
async def test_an_invalid_query_names_the_field_and_the_limit(
    http: httpx.AsyncClient, server: str, query: str, field: str, limit: str
) -> None:
    response = await http.get(f"{INSTANCES}/{server}/logs?{query}")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["field"]) == (422, "invalid_request", field)
    assert limit in problem["detail"]


@pytest.mark.parametrize("what", ["logs", "stats"])
async def test_unknown_and_simulated_servers_have_neither(
    http: httpx.AsyncClient, writer: EventWriter, what: str
) -> None:
    response = await http.get(f"{INSTANCES}/nobody/{what}")
    assert (response.status_code, response.json()["code"]) == (404, "instance_not_found")
    created = (await http.post(INSTANCES)).json()["operation"]["instanceId"]
    response = await http.get(f"{INSTANCES}/{created}/{what}")
    assert (response.status_code, response.json()["code"]) == (409, "unsupported")


async def test_one_reader_too_many_is_refused(
    address: Address,
    lab: ScriptedAgent,
    server: str,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "READERS_MAX", 1)
    async with reading(address, server, follow=True):
        response = await http.get(f"{INSTANCES}/{server}/stats")
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")


async def test_a_stream_on_which_nothing_happens_ends(
    address: Address, lab: ScriptedAgent, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_IDLE_SECONDS", 0.3)
    async with reading(address, server, follow=True) as log:
        ((name, data),) = await log.rest()
    assert name == "end"
    assert "nothing was written" in data["reason"]


@pytest.mark.parametrize("code", [ErrorCode.INTERNAL, ErrorCode.UNAUTHENTICATED, ErrorCode.BANNED])
async def test_errors_that_are_not_an_agents_own_mean_that_it_has_failed(
    address: Address, lab: ScriptedAgent, server: str, code: ErrorCode
) -> None:
    lab.refusal = code
    async with address.requests() as client:
        response = await client.get(f"{INSTANCES}/{server}/logs")
    assert (response.status_code, response.json()["code"]) == (503, ErrorCode.UNAVAILABLE)
    assert "the agent of the provider 'lab' has failed" in response.json()["detail"]


async def test_a_stream_that_exceeds_its_window_is_ended(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    request = f"GET {INSTANCES}/{server}/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    raw = await open_raw(address.port, request, receive_buffer=4096)
    stream = await lab.stream()
    for seq in range(1, 4 * WINDOW):  # more than a connection buffers whose reader reads nothing
        await stream.publish(LogChunk(seq=seq, lines=(LogLine(text="x" * 1000),) * 200))
    await until(lambda: stream.stopped, PATIENCE_SECONDS)
    raw.reset()


async def test_numbers_that_are_too_large_end_a_stream(
    address: Address, lab: ScriptedAgent, server: str
) -> None:
    async with reading(address, server, follow=True) as reader:
        stream = await lab.stream()
        payload = b'{"seq":1,"skipped":%d,"lines":[{"text":"x"}]}' % 10**400
        await lab.broker.publish(f"provider.{PROVIDER}.streams.{stream.request.stream}", payload)
        assert await reader.next() == ("end", {"reason": "the agent sent a message that can't be read"})
