"""Logs and statistics: every line once and in order, what was left out, the end, and a broken stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_client import Opsroom, RequestRejectedError, UnexpectedResponseError, UnreachableError
from opsroom_client.cloud.resuming import SeenLines
from opsroom_contracts.agents.protocol import LogChunk, LogLine
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
    assert printed.stderr == "opsroom: 3 lines were skipped: they came too fast\n"
    assert server.paths[1] == "/api/v1/cloud/instances/i1/logs?tail=3&follow=false"
    assert (refused.exit_code, refused.stderr) == (1, "opsroom: it has no logs (unsupported)\n")


async def test_a_log_that_ends_early_says_why_and_fails() -> None:
    server = Server([lines(1, "one"), ("end", {"reason": "the agent stops"})])
    async with running(server) as url:
        printed = await Shell(url)("servers", "logs", "web-1", "-f", "--json")
    assert (printed.exit_code, printed.stderr) == (1, "opsroom: the agent stops\n")
    assert [json.loads(line)["text"] for line in printed.stdout.splitlines()] == ["one"]


def timed(seq: int, *numbers: int, **more: object) -> tuple[str, dict[str, object]]:
    """A chunk with numbered lines, a second apart."""
    found = [{"text": f"line {n}", "at": f"2026-11-30T12:{n // 60:02}:{n % 60:02}.000Z"} for n in numbers]
    return "log", {"seq": seq, "lines": found, **more}


async def test_a_followed_log_goes_on_after_a_disconnect_without_doubles() -> None:
    server = Server([timed(1, 1, 2), timed(2, 3)], [], [timed(1, 2, 3, 4), timed(2, 5), END])
    server.streams[1] = [("new", {})]
    async with running(server) as url:
        followed = await Shell(url)("servers", "logs", "web-1", "-f", "-n", "2")
    assert followed.exit_code == 0, followed.output
    assert followed.stdout.splitlines() == [f"line {n}" for n in range(1, 6)]
    notes = followed.stderr.splitlines()
    assert [note.partition(" (")[0] for note in notes] == [
        "opsroom: connection lost, reconnecting",
        "opsroom: reconnected",
    ]
    assert [path.partition("?")[2] for path in server.paths[1:]] == [
        "tail=2&follow=true",
        "tail=10000&follow=true",
        "tail=10000&follow=true",
    ]


async def test_a_gap_in_a_followed_log_is_reported() -> None:
    server = Server([timed(1, 1, 2)], [timed(1, 60, 61), END])
    async with running(server) as url:
        followed = await Shell(url)("servers", "logs", "web-1", "-f")
    assert followed.stdout.splitlines() == ["line 1", "line 2", "line 60", "line 61"]
    assert followed.stderr.splitlines()[-1] == (
        "opsroom: lines that were written while the connection was lost may be missing"
    )


async def test_lines_without_times_are_not_repeated_and_the_gap_is_reported() -> None:
    def untimed(*texts: str) -> tuple[str, dict[str, object]]:
        return "log", {"seq": 1, "lines": [{"text": text} for text in texts]}

    server = Server([untimed("one")], [untimed("two"), END])
    async with running(server) as url:
        followed = await Shell(url)("servers", "logs", "web-1", "-f")
    assert followed.stdout.splitlines() == ["one", "two"]
    assert "may be missing" in followed.stderr
    assert server.paths[-1].endswith("tail=0&follow=true")


async def test_what_can_not_pass_ends_a_followed_log() -> None:
    async with running(Server([timed(1, 1)])) as url:
        followed = await Shell(url)("servers", "logs", "web-1", "-f")
    assert (followed.exit_code, followed.stdout) == (1, "line 1\n")
    assert followed.stderr.endswith("opsroom: it has no logs (unsupported)\n")


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from("ab")), min_size=1, max_size=60), st.data())
def test_of_a_log_that_is_read_again_each_line_is_shown_once(
    written: list[tuple[int, str]], data: st.DataObject
) -> None:
    """Times may go back a little. Equal lines are distinguished if the log is read from the first on."""
    equal = data.draw(st.booleans())
    log = [
        LogLine(text=text if equal else str(n), at=datetime(2026, 11, 30, 12, 0, at, tzinfo=UTC))
        for n, (at, text) in enumerate(written)
    ]
    log.sort(key=lambda line: line.at is None or line.at.second // 4)
    seen = SeenLines()
    shown: list[LogLine] = []
    older = [
        LogLine(text=f"older {n}", at=datetime(2026, 11, 30, 11, 59, 58, tzinfo=UTC))
        for n in range(data.draw(st.integers(0, 5)))
    ]
    log, first = older + log, len(older)
    read = data.draw(st.integers(first + 1, len(log)))
    shown += seen.add(tuple(log[first:read]))[0]
    while read < len(log):
        seen.resume()
        again = first if equal else data.draw(st.integers(0, read - 1))
        read = data.draw(st.integers(read, len(log)))
        new, overlaps = seen.add(tuple(log[again:read]))
        assert overlaps
        shown += new
    assert shown == log[first:]


async def test_statistics_go_on_after_a_disconnect() -> None:
    server = Server([samples(1, 1), END], [samples(1, 1), samples(2, 2)], [samples(1, 1, 2, 3), END])
    async with running(server) as url:
        followed = await Shell(url)("servers", "stats", "web-1", "--follow", "--json")
    memory = [json.loads(line)["memory"] for line in followed.stdout.splitlines()]
    assert memory == [1024**2, 2 * 1024**2, 3 * 1024**2]


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
