"""The fan-out on real sockets: every byte, once, in order, to the right readers."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from opsroom_contracts.close_codes import Close, retry_hint
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.encoding import sse_comment, sse_event, text_frame
from opsroom_testkit.raw_connection import RawConnection
from opsroom_testkit.waiting import until
from services.gateway.tests.kit.fanout_server import (
    Fanout,
    connect_when_possible,
    fanout,
    raw_reader,
    request_for,
)

_SMALL = 4096


def frame(number: int, chance: random.Random) -> bytes:
    """Return a frame with unique bytes."""
    size = chance.choice((10, 200, 3_000, 12_000))
    return text_frame((f"{number:06d}" + "".join(chance.choices("abcdef", k=8)) * size)[:size].encode())


def chunk(number: int, chance: random.Random) -> bytes:
    """Like ``frame``, for streams."""
    return sse_event("change", frame(number, chance)[10:], number)


async def published(broadcaster: Broadcaster, frames: list[bytes], chance: random.Random) -> None:
    """Publish the frames, some alone and some together in one event-loop iteration."""
    for one in frames:
        broadcaster.publish(one)
        if chance.random() < 0.5:
            await asyncio.sleep(0)


@pytest.mark.parametrize(("path", "make"), [("/ws", frame), ("/sse", chunk)])
async def test_readers_of_any_speed_get_a_contiguous_run_of_the_same_bytes(
    path: str, make: Callable[[int, random.Random], bytes]
) -> None:
    chance = random.Random(4)
    frames = [make(n, chance) for n in range(60)]
    whole = b"".join(frames)
    async with fanout(send_buffer=_SMALL, outbox_bytes=4_000_000) as served:
        broadcaster = served.sockets if path == "/ws" else served.streams

        async def follow(stay: int, piece: int) -> bytes:
            reader = await raw_reader(served.port, path, receive_buffer=_SMALL)
            try:
                await reader.read_until(stay, piece)
                return bytes(reader.bytes)
            finally:
                reader.reset()

        early = [await raw_reader(served.port, path, receive_buffer=_SMALL) for _ in range(6)]
        publishing = asyncio.create_task(published(broadcaster, frames, chance))
        goers = [follow(chance.randint(1, 3000), chance.choice((1, 13, 4096))) for _ in range(20)]
        readers = [reader.read_until(len(whole), chance.choice((700, 65_536))) for reader in early]
        await publishing
        more = asyncio.create_task(published(broadcaster, frames, chance))
        seen_by_goers, _ = await asyncio.gather(asyncio.gather(*goers), asyncio.gather(*readers))
        await more
        for reader in early:
            await reader.read_until(2 * len(whole))
            assert bytes(reader.bytes) == whole + whole
        starts = {sum(map(len, frames[:n])) for n in range(len(frames))}
        for seen in seen_by_goers:
            assert any((whole + whole).startswith(seen, start) for start in starts), seen[:40]
        assert served.stats.slow_readers == 0
        for reader in early:
            reader.close()


@pytest.mark.parametrize(("path", "make"), [("/ws", frame), ("/sse", chunk)])
async def test_over_tls_the_same_bytes_arrive_and_the_end_is_complete(
    path: str, make: Callable[[int, random.Random], bytes], certificate: tuple[Path, Path]
) -> None:
    chance = random.Random(5)
    frames = [make(n, chance) for n in range(60)]
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    async with fanout(send_buffer=_SMALL, tls_cert=certificate[0], tls_key=certificate[1]) as served:
        broadcaster = served.sockets if path == "/ws" else served.streams
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=trust, limit=_SMALL)
        writer.write(request_for(path))
        await reader.readuntil(b"\r\n\r\n")
        await published(broadcaster, frames, chance)
        whole = b"".join(frames)
        assert await reader.readexactly(len(whole)) == whole
        served.server.stop()
        async with asyncio.timeout(10):
            rest = await reader.read() if path == "/sse" else await reader.readexactly(2)
        assert rest.endswith(b"0\r\n\r\n") or rest[0] == 0x88
        writer.close()


async def test_no_byte_goes_to_a_connection_that_reuses_a_closed_descriptor() -> None:
    async with fanout() as served:
        quiet: list[RawConnection] = []
        for _ in range(6):
            leavers = [await raw_reader(served.port, path) for path in ("/ws", "/sse") * 5]
            for leaver in leavers:
                leaver.reset()
            quiet += await asyncio.gather(*(raw_reader(served.port, "/quiet") for _ in leavers))
            served.sockets.publish(text_frame(b"not for the quiet"))
            served.streams.publish(sse_comment("not for the quiet"))
        reused = served.descriptors["/quiet"] & (served.descriptors["/ws"] | served.descriptors["/sse"])
        assert reused, "no descriptor was reused, so this proves nothing"
        await ping_all(served, quiet)
        for reader in quiet:
            assert bytes(reader.bytes) == b"\x8a\x00"  # the pong, and nothing else
            reader.close()


async def ping_all(served: Fanout, readers: list[RawConnection]) -> None:
    """Ping from all readers and read the pongs: everything sent earlier has then arrived."""
    served.sockets.publish(text_frame(b"not for the quiet"))
    for reader in readers:
        await reader.send(b"\x89\x80\0\0\0\0")
        await reader.read_until(2)


@pytest.mark.parametrize("path", ["/ws", "/sse"])
async def test_a_reader_that_stops_reading_is_closed_and_others_are_not_affected(path: str) -> None:
    async with fanout(send_buffer=_SMALL, outbox_bytes=262_144) as served:
        broadcaster = served.sockets if path == "/ws" else served.streams
        stuck = await raw_reader(served.port, path, receive_buffer=_SMALL)
        others = [await raw_reader(served.port, path) for _ in range(3)]
        one = text_frame(b"x" * 9000) if path == "/ws" else sse_event("change", b"x" * 9000, 1)
        for count in range(1, 61):
            broadcaster.publish(one)
            for reader in others:
                await reader.read_until(count * len(one))
        assert served.stats.slow_readers == 1
        assert len(broadcaster) == 3
        end = stop_frame(Close.TOO_SLOW.value.code, Close.TOO_SLOW.value.reason)
        last = end if path == "/ws" else b"0\r\n\r\n"
        while not stuck.bytes.endswith(last):
            assert await stuck.read()
        body = bytes(stuck.bytes).removesuffix(last)
        assert body == one * (len(body) // len(one))
        for reader in (stuck, *others):
            assert all(bytes(other.bytes) == one * 60 for other in others)
            reader.close()


@pytest.mark.parametrize("path", ["/ws", "/sse"])
async def test_a_frame_larger_than_the_send_buffer_reaches_a_reader_with_an_empty_buffer(path: str) -> None:
    async with fanout(send_buffer=_SMALL, outbox_bytes=262_144) as served:
        broadcaster = served.sockets if path == "/ws" else served.streams
        reader = await raw_reader(served.port, path, receive_buffer=_SMALL)
        large = text_frame(b"x" * 600_000) if path == "/ws" else sse_event("change", b"x" * 600_000, 1)
        broadcaster.publish(large)
        await reader.read_until(len(large))
        assert served.stats.slow_readers == 0
        reader.close()


def stop_frame(code: int, reason: str) -> bytes:
    """Return a close frame as the server sends it."""
    payload = code.to_bytes(2, "big") + reason.encode()
    return bytes((0x88, len(payload))) + payload


async def test_messages_of_a_socket_served_by_callback_are_handled_in_order() -> None:
    async with fanout() as served:
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as client:
            for n in range(50):
                await client.send(f"{n}")
        async with asyncio.timeout(10):
            while len(served.received) < 102:
                await asyncio.sleep(0)
        assert served.received[1::2] == ["handled"] * 51
        assert [event.get("text") for event in served.received[:100:2]] == [f"{n}" for n in range(50)]
        assert served.received[100]["type"] == "websocket.disconnect"


async def test_a_reader_that_does_not_answer_pings_is_closed() -> None:
    async with fanout(ping_seconds=0.5) as served:
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as connected:
            gone = await raw_reader(served.port, "/ws")
            seen = await gone.read_all()
            assert seen[:2] == b"\x89\x04"
            assert served.stats.dead_connections == 1
            served.sockets.publish(text_frame(b"still here"))
            assert await connected.recv() == "still here"
            gone.close()


async def test_an_idle_stream_sends_heartbeats() -> None:
    async with fanout(heartbeat_seconds=0.3) as served:
        reader = await raw_reader(served.port, "/sse")
        heartbeat = sse_comment("heartbeat")
        await reader.read_until(8 * len(heartbeat))
        assert bytes(reader.bytes).startswith(heartbeat * 8)
        assert served.stats.dead_connections == 0
        reader.close()


async def test_a_stream_survives_a_stall_of_the_gateway() -> None:
    """A reader that got nothing during a stall must not count as dead."""
    async with fanout(heartbeat_seconds=0.3) as served:
        reader = await raw_reader(served.port, "/sse")
        heartbeat = sse_comment("heartbeat")
        await reader.read_until(2 * len(heartbeat))
        time.sleep(1.0)  # noqa: ASYNC251 - stalls the whole process, like an overloaded machine
        await reader.read_until(5 * len(heartbeat))
        assert served.stats.dead_connections == 0
        reader.close()


async def test_a_stop_closes_connections_gradually_with_a_retry_hint() -> None:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(fanout(drain_seconds=0.4))
        clients = [
            await stack.enter_async_context(connect(f"ws://127.0.0.1:{served.port}/ws")) for _ in range(300)
        ]
        stream = await raw_reader(served.port, "/sse")
        loop = asyncio.get_running_loop()
        closed_at: list[float] = []

        async def leave(client: ClientConnection) -> None:
            await client.wait_closed()
            closed_at.append(loop.time())
            assert client.close_code == Close.GOING_AWAY.value.code
            hint = retry_hint(client.close_reason or "")
            assert hint is not None
            assert 0.0 <= hint <= 0.4

        served.server.stop()
        await asyncio.gather(*(leave(client) for client in clients))
        assert closed_at[-1] - closed_at[0] > 0.2
        last = await stream.read_all()
        assert last.endswith(b"\n\n\r\n0\r\n\r\n")
        assert b"\r\nretry: " in b"\r\n" + last
        stream.close()


@pytest.mark.parametrize("path", ["/ws", "/sse"])
async def test_connections_over_the_limit_are_rejected_with_retry_after(path: str) -> None:
    async with fanout(connections=3) as served:
        connected = [await raw_reader(served.port, "/sse" if n else "/ws") for n in range(3)]
        refused = await raw_reader(served.port, path)
        assert refused.head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: " in refused.head
        assert served.stats.refused_connections == 1
        connected.pop().reset()
        back = await connect_when_possible(served.port, path)
        assert back.head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 200 "))
        for reader in (refused, back, *connected):
            reader.close()


@pytest.mark.parametrize("path", ["/ws", "/sse"])
async def test_handshakes_over_the_limit_are_rejected_with_retry_after(path: str) -> None:
    async with fanout(joining=2) as served:
        joining = [await raw_reader(served.port, "/joining") for _ in range(2)]
        refused = await raw_reader(served.port, path)
        assert refused.head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in refused.head.lower()
        assert served.stats.refused_handshakes == 1
        joining.pop().reset()
        back = await connect_when_possible(served.port, path)
        assert back.head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 200 "))
        for reader in (refused, back, *joining):
            reader.close()


@pytest.mark.parametrize("offer", [{}, {"server_max_window_bits": 10}])
async def test_frames_are_compressed_once_for_clients_that_offer_it(offer: dict[str, int]) -> None:
    async with fanout(deflate=True) as served, AsyncExitStack() as stack:
        url = f"ws://127.0.0.1:{served.port}/ws"
        extensions = [ClientPerMessageDeflateFactory(**offer)]  # type: ignore[arg-type]
        clients = [
            await stack.enter_async_context(connect(url, compression=None, extensions=extensions)),
            await stack.enter_async_context(connect(url, compression=None, extensions=extensions)),
            await stack.enter_async_context(connect(url, compression=None)),
        ]
        texts = ["a" * 1000, "tiny", "ab" * 40_000, "a" * 1000]
        for text in texts:
            served.sockets.publish(text_frame(text.encode()))
        for client in clients:
            assert [await client.recv() for _ in texts] == texts
            await client.send("b" * 1000)
        size = sum(len(text_frame(text.encode())) for text in texts)
        small = served.sockets.written_bytes - (3 * size if offer else size)
        assert small == 0 if offer else 0 < small < size / 20
        await until(lambda: len(served.received) >= 6)
        assert [event["text"] for event in served.received if event != "handled"] == ["b" * 1000] * 3


async def test_compression_is_off_by_default() -> None:
    async with fanout() as served, connect(f"ws://127.0.0.1:{served.port}/ws") as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
