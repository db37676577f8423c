"""HTTP/1.1 on real sockets, byte by byte."""

import asyncio
import gc

import pytest
from starlette.types import Receive, Scope, Send

from opsroom_contracts.http import NAME_HEADER
from opsroom_gateway.transport import closing
from opsroom_gateway.transport.event_stream import UPGRADE_EXTENSION, EventStream, EventStreamConnection
from opsroom_gateway.transport.http.exchange import HttpExchange
from opsroom_testkit.raw_connection import open_raw
from opsroom_testkit.waiting import PATIENCE_SECONDS, until
from services.gateway.tests.kit.app_server import serving_app
from services.gateway.tests.transport.http.scripted_app import (
    CHUNKED,
    LARGE,
    exchange,
    get,
    responses,
    running,
)


async def test_a_connection_serves_requests_one_after_another() -> None:
    async with running() as (app, server):
        connection = await open_raw(server.port, get("/ok?a=%20b", "X-One: 1"))
        assert connection.head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
        assert b"\r\ncontent-length: 2" in connection.head
        assert b"server:" not in connection.head
        await connection.send(get("/ok", method="HEAD") + get("/ok"))
        got = await responses(connection, 1)
        assert got.count(b"HTTP/1.1 200 OK") == 2  # the response to HEAD has no body
        connection.close()
        scope = app.scopes[0]
        assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/ok", b"a=%20b")
        assert scope["headers"] == [(b"host", b"x"), (b"x-one", b"1")]
        assert (scope["scheme"], scope["server"][1]) == ("http", server.port)
        assert scope["client"][0] == "127.0.0.1"


@pytest.mark.parametrize(
    "data", [get(version="1.0"), get("/ok", "Connection: close"), get("/ok", "Connection: close") + get()]
)
async def test_a_connection_that_is_not_kept_alive_is_closed(data: bytes) -> None:
    async with running() as (_, server):
        got = await exchange(server, data)
        assert got.endswith(b"\r\n\r\nok")
        assert b"\r\nconnection: close\r\n" in got
        assert got.count(b"HTTP/1.1 200") == 1


async def test_a_body_in_chunks_is_received_and_sent() -> None:
    async with running() as (_, server):
        body = b"5;extension\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
        connection = await open_raw(server.port, CHUNKED)
        assert b"\r\ntransfer-encoding: chunked" in connection.head
        await connection.send(body[:9])
        await connection.send(body[9:])
        while not connection.bytes.endswith(b"0\r\n\r\n"):
            assert await connection.read()
        assert b"hello" in connection.bytes
        await connection.send(get())
        await responses(connection, 1)
        connection.close()


async def test_a_client_that_waits_for_100_gets_it_when_the_body_is_wanted() -> None:
    headers = ("Expect: 100-continue", "Content-Length: 2", "Connection: close")
    async with running() as (_, server):
        connection = await open_raw(server.port, get("/waits", *headers))
        assert connection.head == b"HTTP/1.1 100 Continue"
        connection.close()
        assert (await exchange(server, get("/ok", *headers))).startswith(b"HTTP/1.1 200")


async def test_a_status_without_a_body_has_no_framing() -> None:
    async with running() as (_, server):
        got = await exchange(server, get("/empty", "Connection: close"))
        assert got.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert b"transfer-encoding" not in got
        assert got.endswith(b"\r\n\r\n")


async def test_pipelined_requests_are_answered_in_order_and_few_wait_at_once() -> None:
    count = 5000
    async with running() as (app, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get("/held") + get() * count)
        await app.started.wait()
        await exchange(server, get("/ok", "Connection: close"))  # all that the first read contains is parsed
        gc.collect()
        waiting = sum(isinstance(one, HttpExchange) for one in gc.get_objects())
        assert waiting < 400
        app.gate.set()
        got = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while got.count(b"\r\n\r\nok") < count + 1:
                got += await reader.read(65_536)
        writer.transport.abort()
    assert [scope["path"] for scope in app.scopes if scope["path"] != "/ok"] == ["/held"]


async def test_the_body_of_a_pipelined_request_reaches_its_own_exchange() -> None:
    body = b"b" * 200_000
    async with running() as (app, server):
        first = asyncio.create_task(
            exchange(
                server,
                get("/held")
                + get("/echo", f"Content-Length: {len(body)}", "Connection: close", method="POST")
                + body,
            )
        )
        await app.started.wait()
        app.gate.set()
        got = await first
        assert got.count(b"HTTP/1.1 200") == 2
        assert got.count(b"b") >= len(body)


async def test_a_client_that_does_not_read_stops_the_application() -> None:
    async with running() as (app, server):
        connection = await open_raw(server.port, get("/flood"), receive_buffer=4096)
        for _ in range(20):
            await exchange(server, get("/ok", "Connection: close"))
        assert app.sent < 32 * 1024 * 1024
        while app.sent < 64 * 1024 * 1024:
            assert await connection.read(2**20)
        connection.close()


async def test_a_body_that_the_application_does_not_take_is_not_read() -> None:
    size = 64 * 1024 * 1024
    async with running() as (app, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get("/held", f"Content-Length: {size}", "Connection: close", method="POST"))
        await app.started.wait()
        writer.write(b"x" * size)
        for _ in range(20):
            await exchange(server, get("/ok", "Connection: close"))
        assert writer.transport.get_write_buffer_size() > size // 2
        app.gate.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.transport.abort()


async def test_an_application_learns_that_its_client_is_gone() -> None:
    async with running() as (app, server):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get("/waits"))
        await app.started.wait()
        writer.transport.abort()
        await until(lambda: app.received == [{"type": "http.disconnect"}])
        await until(lambda: not server.server.server_state.connections)
        await until(lambda: not server.server.server_state.tasks)


async def test_a_stream_whose_client_is_gone_already_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    served = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][UPGRADE_EXTENSION].transport.abort()  # as after a failed write
        await EventStream(never)(scope, receive, send)
        served.set()

    async def never(_connection: EventStreamConnection) -> None:
        raise AssertionError

    async with serving_app(app) as server:
        assert await exchange(server, get("/events")) == b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await served.wait()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_after_the_response_an_application_gets_a_disconnect() -> None:
    async with running() as (app, server):
        await exchange(server, get("/echo", "Connection: close"))
        assert app.received == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("path", ["/raises", "/silent"])
async def test_an_application_that_fails_gets_a_500(path: str, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as (_, server):
        got = await exchange(server, get(path))
        assert got.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert got.endswith(b"\r\n\r\nInternal Server Error")
    assert "ASGI" in caplog.text


@pytest.mark.parametrize("path", ["/breaks", "/short", "/long", "/injects"])
async def test_a_response_that_fails_after_its_start_is_cut_off(path: str) -> None:
    async with running() as (_, server):
        got = await exchange(server, get(path))
        assert b"500" not in got
        assert not got.endswith(b"ok")
        assert b"x-b" not in got.lower()


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/9\r\n\r\n"],
)
async def test_an_invalid_request_gets_a_400(data: bytes) -> None:
    async with running() as (app, server):
        got = await exchange(server, data)
        assert got.startswith(b"HTTP/1.1 400 Bad Request\r\ndate: ")
        assert got.endswith(b"\r\n\r\nInvalid HTTP request received.")
        assert app.scopes == []


async def test_nothing_is_written_into_a_response_when_what_follows_is_invalid() -> None:
    async with running() as (_, server):
        connection = await open_raw(server.port, CHUNKED)
        await connection.send(b"zz\r\n")
        assert b"400" not in await connection.read_all()
        connection.close()


TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


async def test_the_time_for_headers_is_limited_for_each_request() -> None:
    async with running(header_seconds=0.3) as (_, server):
        for late in (b"", b"GET", get() + b"GET"):
            assert (await exchange(server, late)).endswith(TIMED_OUT)


async def test_empty_lines_are_no_request() -> None:
    """They would keep a connection open."""
    async with running(header_seconds=0.3) as (_, server):
        connection = await open_raw(server.port, get())
        await connection.read_until(2)
        await connection.send(b"\r\n")
        assert await connection.read_all() == b"ok" + TIMED_OUT
        connection.close()


async def test_a_partial_request_waits_for_the_response_before_it() -> None:
    async with running(header_seconds=0.1) as (app, server):
        sent = asyncio.create_task(exchange(server, get("/held") + get() + b"GET"))
        other = await exchange(server, b"")  # takes as long as the headers may
        assert other.startswith(b"HTTP/1.1 408")
        app.gate.set()
        got = await sent
        assert got.count(b"HTTP/1.1 200") == 2
        assert got.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize(
    "data",
    [
        get("/ok", "X: " + "x" * 5000),
        get() + get("/ok", "X: " + "x" * 5000),
        CHUNKED.replace(b"echo", b"waits") + b"0\r\n" + b"X-Trailer: 1\r\n" * 1_000_000,
        CHUNKED.replace(b"echo", b"waits") + b"1;" + b"x" * 1_000_000,
    ],
    ids=["headers", "headers of a second request", "trailers", "a chunk extension"],
)
async def test_what_is_not_body_is_limited(data: bytes) -> None:
    async with running(header_bytes=4096) as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        got = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while piece := await reader.read(65_536):
                    got += piece
            except ConnectionResetError:
                pass  # the server did not read the rest
        writer.transport.abort()
        assert b"HTTP/1.1 431 " in got


async def test_trailers_are_not_kept() -> None:
    async with running() as (app, server):
        connection = await open_raw(server.port, CHUNKED + b"0\r\n" + b"X-Role: admin\r\n" * 100 + b"\r\n")
        while not connection.bytes.endswith(b"0\r\n\r\n"):
            assert await connection.read()
        connection.close()
        assert app.scopes[0]["headers"] == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]


async def test_an_idle_connection_is_closed() -> None:
    async with running() as (_, server):
        server.server.config.timeout_keep_alive = 0
        assert (await exchange(server, get())).endswith(b"ok")


async def test_a_request_whose_body_was_not_read_does_not_disturb_the_next() -> None:
    async with running() as (_, server):
        connection = await open_raw(server.port, get("/ok", "Content-Length: 100000", method="POST"))
        await connection.send(b"GET / HTTP/1.1\r\n\r\n" * 10_000)
        await connection.read_until(2)
        assert connection.bytes == b"ok"
        connection.close()
        connection = await open_raw(server.port, get("/ok", "Content-Length: 9000", method="POST"))
        await connection.send(b"x" * 9000 + get())
        await responses(connection, 1)
        connection.close()


async def test_a_stop_closes_idle_connections_and_completes_responses() -> None:
    async with running() as (app, server):
        idle = await open_raw(server.port, get())
        sent = asyncio.create_task(exchange(server, get("/held") + get()))
        await until(lambda: any(scope["path"] == "/held" for scope in app.scopes))
        server.server.stop()
        assert await idle.read_all() == b"ok"
        idle.close()
        app.gate.set()
        got = await sent
        assert got.count(b"HTTP/1.1 200") == 2
        assert b"\r\nconnection: close\r\n" in got


@pytest.mark.parametrize(
    "header",
    ["Host", "Authorization", "Origin", "Content-Type", "Idempotency-Key", "Last-Event-ID", NAME_HEADER],
)
@pytest.mark.parametrize(
    "upgrade", [(), ("Connection: Upgrade", "Upgrade: websocket")], ids=["http", "socket"]
)
async def test_a_header_that_must_be_single_is_not_accepted_twice(
    header: str, upgrade: tuple[str, ...]
) -> None:
    async with running() as (app, server):
        got = await exchange(server, get("/ok", f"{header}: x", f"{header.upper()}: x", *upgrade))
        assert got.startswith(b"HTTP/1.1 400 ")
        assert f"more than one {header.lower()} header".encode() in got
        assert app.scopes == []


async def test_a_request_without_a_host_is_not_accepted() -> None:
    async with running() as (app, server):
        assert b"There is no host header" in await exchange(server, b"GET /ok HTTP/1.1\r\n\r\n")
        assert app.scopes == []
        assert (await exchange(server, b"GET /ok HTTP/1.0\r\n\r\n")).endswith(b"ok")


async def test_a_body_without_end_is_not_read_forever_after_its_response() -> None:
    async with running() as (_, server):
        head = get("/ok", "Transfer-Encoding: chunked", method="POST")
        connection = await open_raw(server.port, head)
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        with pytest.raises(OSError, match=r"reset|pipe"):
            await connection.send(chunk * 1_000)
        connection.close()


async def test_a_client_that_does_not_read_the_end_of_a_response_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closing, "UNREAD_SECONDS", 0.2)
    async with running() as (app, server):
        connection = await open_raw(server.port, get("/large", "Connection: close"), receive_buffer=4096)
        await until(lambda: app.done == ["/large"])
        await until(lambda: not server.server.server_state.connections)
        connection.close()


async def test_a_client_that_reads_the_end_of_a_response_slowly_gets_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closing, "UNREAD_SECONDS", 1.0)
    async with running() as (app, server):
        connection = await open_raw(server.port, get("/large", "Connection: close"))
        await until(lambda: app.done == ["/large"])
        while await connection.read():
            await asyncio.sleep(0.005)  # the client is slow: it takes longer than the timeout
        connection.close()
        assert len(connection.bytes) == LARGE
