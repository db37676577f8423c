"""Readiness: only 200 counts, and every check has a timeout."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from opsroom_launcher.portal.ports import free_port
from opsroom_launcher.portal.readiness import is_ready, serves_course_contract, wait_ready

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = "127.0.0.1"


@asynccontextmanager
async def server(handle: Handler, port: int = 0) -> AsyncIterator[int]:
    """Run a server with ``handle``. Yields its port."""
    running = await asyncio.start_server(handle, HOST, port)
    async with running:
        yield running.sockets[0].getsockname()[1]


def answering(*answers: bytes) -> Handler:
    """Sends one response after the other, and repeats the last."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).split(b" ", 2)[1] in {b"/readyz", b"/chat/"}
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        writer.close()

    return handle


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n200", False),
        (b"", False),
        (b"nonsense", False),
    ],
)
async def test_only_200_is_ready(answer: bytes, ready: bool) -> None:
    async with server(answering(answer)) as port:
        assert await is_ready(HOST, port) is ready


@pytest.mark.parametrize(
    ("answer", "served"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", True),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", True),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_the_course_contract_is_served_unless_it_is_refused(answer: bytes, served: bool) -> None:
    async with server(answering(answer)) as port:
        assert await serves_course_contract(HOST, port) is served


async def test_nobody_listening_is_not_ready() -> None:
    assert not await is_ready(HOST, free_port(HOST, 0, "--port"))


async def test_silence_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsroom_launcher.portal.readiness.ANSWER_SECONDS", 0.05)
    hung_up = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    async with server(silent) as port:
        assert not await is_ready(HOST, port)
        await asyncio.wait_for(hung_up.wait(), 10)


async def test_asks_until_it_is() -> None:
    unready, ready = b"HTTP/1.1 503 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    async with server(answering(unready, unready, ready)) as port:
        await asyncio.wait_for(wait_ready(HOST, port), 10)
