"""Logs and statistics: every line once and in order, what was left out, the end, and a broken stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from opsroom_client import Opsroom, RequestRejectedError, UnexpectedResponseError, UnreachableError
from opsroom_contracts.agents.protocol import LogChunk
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import StreamEnd
from packages.client.tests.shell import Shell

AT = "2026-11-30T12:00:00.000Z"
SERVER = {"id": "i1", "name": "web-1", "state": "running", "timestamp": AT}
LIST = {"seq": 5, "instances": [SERVER]}
PROBLEM = {
    "type": "about:blank",
    "title": "",
    "status": 409,
    "detail": "it has no logs",
    "code": "unsupported",
}
END: tuple[str, dict[str, object]] = ("end", {})


def lines(seq: int, *texts: str, **more: object) -> tuple[str, dict[str, object]]:
    return "log", {"seq": seq, "lines": [{"text": text, "at": AT} for text in texts], **more}


def samples(seq: int, *minutes: int) -> tuple[str, dict[str, object]]:
    found = [
        {"at": f"2026-11-30T12:{minute:02}:00.000Z", "cpu": minute / 10, "memory": minute * 1024**2}
        for minute in minutes
    ]
    return "stats", {"seq": seq, "samples": found}


class Server:
    """A server whose streams have ``events``; without any they are refused. ``paths``: what was asked for."""

    def __init__(self, *streams: Sequence[tuple[str, dict[str, object]]]) -> None:
        self.streams = list(streams)
        self.paths: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request, and close the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        self.paths.append(path)
        if path.endswith("/instances"):
            status, kind, body = "200 OK", "application/json", json.dumps(LIST)
        elif not self.streams:
            status, kind, body = "409 Conflict", "application/problem+json", json.dumps(PROBLEM)
        else:
            events = (f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in self.streams.pop(0))
            status, kind, body = "200 OK", "text/event-stream", "".join((": hello\n\n", *events))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    """The URL of ``server``."""
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


async def test_the_chunks_of_a_log_come_in_order_and_then_its_end() -> None:
    server = Server([lines(1, "one", "two"), ("new", {}), lines(2, "five", skipped=2), END, lines(3, "six")])
    async with running(server) as url, Opsroom(url, timeout=2) as opsroom:
        async with opsroom.cloud.logs("web/1", tail=7, follow=True) as chunks:
            first, second, end = [chunk async for chunk in chunks]
    assert server.paths == ["/api/v1/cloud/instances/web%2F1/logs?tail=7&follow=true"]
    assert isinstance(first, LogChunk)
    assert isinstance(second, LogChunk)
    assert [line.text for line in (*first.lines, *second.lines)] == ["one", "two", "five"]
    assert (second.skipped, end) == (2, StreamEnd())


async def test_a_stream_that_breaks_or_is_refused_raises() -> None:
    async with running(Server([lines(1, "one")])) as url, Opsroom(url, timeout=2) as opsroom:
        async with opsroom.cloud.logs("web-1") as chunks:
            assert isinstance(await anext(chunks), LogChunk)
            with pytest.raises(UnreachableError):
                await anext(chunks)
        async with opsroom.cloud.stats("web-1") as samples:
            with pytest.raises(RequestRejectedError) as refused:
                await anext(samples)
    assert refused.value.code is ErrorCode.UNSUPPORTED
    async with running(Server([("log", {"lines": "none"})])) as url, Opsroom(url, timeout=2) as opsroom:
        async with opsroom.cloud.logs("web-1") as chunks:
            with pytest.raises(UnexpectedResponseError):
                await anext(chunks)


async def test_the_command_line_prints_a_log_and_says_what_is_missing() -> None:
    server = Server([lines(1, "\x1b[32mup\x1b[0m", "a\tb\x07"), lines(2, "end", skipped=3), END])
    async with running(server) as url:
        printed = await Shell(url)("servers", "logs", "web-1", "--tail", "3", "-t")
        refused = await Shell(url)("servers", "logs", "i1")
    assert printed.exit_code == 0, printed.output
    assert printed.stdout.splitlines() == [f"{AT} up", rf"{AT} a    b\x07", f"{AT} end"]
    assert printed.stderr == "opsroom: 3 lines were left out: they came too fast\n"
    assert server.paths[1] == "/api/v1/cloud/instances/i1/logs?tail=3&follow=false"
    assert (refused.exit_code, refused.stderr) == (1, "opsroom: it has no logs (unsupported)\n")


async def test_a_log_that_ends_early_says_why_and_fails() -> None:
    server = Server([lines(1, "one"), ("end", {"reason": "the agent stops"})])
    async with running(server) as url:
        printed = await Shell(url)("servers", "logs", "web-1", "-f", "--json")
    assert (printed.exit_code, printed.stderr) == (1, "opsroom: the agent stops\n")
    assert [json.loads(line)["text"] for line in printed.stdout.splitlines()] == ["one"]


async def test_statistics_begin_with_the_last_sample_and_go_on() -> None:
    server = Server([samples(1, 1, 2, 3), END], [samples(1, 2, 3), samples(2, 3, 4), END])
    async with running(server) as url:
        followed = await Shell(url)("servers", "stats", "web-1", "--follow", "-n", "2")
    assert followed.exit_code == 0, followed.output
    assert followed.stdout.splitlines() == [
        "2026-11-30T12:02:00.000Z  cpu 0.20  memory 2 MiB",
        "2026-11-30T12:03:00.000Z  cpu 0.30  memory 3 MiB",
        "2026-11-30T12:04:00.000Z  cpu 0.40  memory 4 MiB",
    ]
    async with running(Server([samples(1, 1, 2), END])) as url:
        last = await Shell(url)("servers", "stats", "web-1", "--json")
    assert [json.loads(line)["memory"] for line in last.stdout.splitlines()] == [2 * 1024**2]
    async with running(Server([END])) as url:
        none = await Shell(url)("servers", "stats", "web-1")
    assert (none.exit_code, none.stdout, none.stderr.startswith("opsroom: there is no sample yet")) == (
        0,
        "",
        True,
    )
