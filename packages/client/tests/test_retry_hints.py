"""A server that stops spreads the reconnects of its clients: the client waits as long as it is asked to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from opsroom_client import Opsroom, UnreachableError
from opsroom_client.errors import RequestRejectedError
from opsroom_client.requests import RETRY_MAX_SECONDS, retry_after_of

LIST = b'{"seq": 5, "instances": []}'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n"
SECONDS = 4.0


class Server:
    """A server whose event streams end with ``ending``, or whose requests get ``response``."""

    def __init__(self, ending: bytes, response: bytes = b"") -> None:
        self.ending = ending
        self.response = response
        self.streams = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request, and close the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/events" not in head:
            size = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(LIST)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + size + LIST)
        else:
            self.streams += 1
            writer.write(self.response or STREAM + self.ending)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[Opsroom]:
    """A client of ``server``."""
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with Opsroom(f"http://127.0.0.1:{port}", timeout=SECONDS) as opsroom:
            yield opsroom


async def follow_to_the_end(server: Server) -> None:
    """Follow the stream until the client gives up, which is when it would wait for longer than it may."""
    async with client_of(server) as opsroom, opsroom.cloud.follow(0, timeout=SECONDS) as changes:
        async for _ in changes:
            pass


async def test_a_stream_that_ends_with_a_hint_is_not_connected_before() -> None:
    server = Server(b"retry: 60000\n\n")
    with pytest.raises(UnreachableError):
        await follow_to_the_end(server)
    assert server.streams == 1


async def test_a_stream_that_ends_without_a_hint_is_connected_at_once() -> None:
    server = Server(b"retry: soon\n\n")
    with pytest.raises(UnreachableError):
        await follow_to_the_end(server)
    assert server.streams > 1


async def test_a_proxy_that_asks_for_time_gets_it() -> None:
    empty = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    server = Server(b"", b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n" + empty)
    with pytest.raises(RequestRejectedError) as refused:
        await follow_to_the_end(server)
    assert (server.streams, refused.value.retry_after) == (1, 60.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("9" * 400, RETRY_MAX_SECONDS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_MAX_SECONDS),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
    ],
    ids=[
        "7",
        "blanks",
        "0",
        "huge",
        "past",
        "future",
        "empty",
        "negative",
        "fraction",
        "superscript",
        "word",
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after_of({"Retry-After": text}) == seconds
