"""RFC 6455, section by section, at the gateway's own sockets.

A violation is closed with the code that the RFC gives, and affects only its own socket.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.raw_websocket import PATIENCE_SECONDS, RawWebSocket, open_websocket
from opsroom_testkit.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from services.gateway.tests.kit.portal import Address, portal_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/chat/"
SNOWMEN = "κόσμε ☃ 𝄞".encode()
LIMIT = 65_536


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Address]:
    """The address of the gateway under test."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url) as portal:
        yield portal.gateway
    await process.stop()


def pieces(data: bytes, opcode: int, *cuts: int) -> bytes:
    """Build fragments of ``data``, cut at ``cuts``."""
    parts = [data[start:end] for start, end in pairwise((0, *cuts, len(data)))]
    last = len(parts) - 1
    return b"".join(
        frame(CONTINUATION if n else opcode, part, flags=FIN if n == last else 0)
        for n, part in enumerate(parts)
    )


async def closed_with(client: RawWebSocket, data: bytes) -> int:
    """Send ``data``. Returns the close code, after the close handshake and the end of the connection."""
    client.writer.write(data)
    try:
        while (got := await client.next())[0] != CLOSE:
            pass
        client.writer.write(frame(CLOSE, got[1]))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await client.reader.read() == b""
        except ConnectionError:
            pass  # after a violation the server may drop the connection at once (7.1.7)
        return int(struct.unpack("!H", got[1][:2])[0]) if got[1] else 1005
    finally:
        await client.end()


ALLOWED = {
    "5.2 empty text": frame(TEXT),
    "5.2 length 125": frame(TEXT, b"x" * 125),
    "5.2 length 126": frame(TEXT, b"x" * 126),
    "5.2 length 65535": frame(TEXT, b"x" * 65_535),
    "5.2 length 65536": frame(TEXT, b"x" * LIMIT),
    "5.4 two fragments": pieces(b"[1,2]", TEXT, 2),
    "5.4 empty fragments": pieces(b"", TEXT, 0, 0, 0),
    "5.4 a ping between fragments": frame(TEXT, b"[1", flags=0) + frame(PING) + frame(CONTINUATION, b"]"),
    "5.5.3 a pong nobody asked for": frame(PONG, b"unasked"),
    "8.1 characters of up to four bytes": frame(TEXT, SNOWMEN),
    "8.1 characters cut at every byte": pieces(SNOWMEN, TEXT, *range(1, len(SNOWMEN))),
    "8.1 U+10FFFF and a noncharacter": frame(TEXT, "\U0010ffff\ufffe".encode()),
    "5.6 binary need not be text": frame(BINARY, b"\xff\xfe"),
}


@pytest.mark.parametrize("data", ALLOWED.values(), ids=ALLOWED.keys())
async def test_what_is_allowed_leaves_the_socket_open(address: Address, data: bytes) -> None:
    client = await open_websocket(address.port, PATH)
    client.writer.write(data + frame(PING, b"still there?"))
    while await client.until(PONG) != b"still there?":
        pass
    assert await closed_with(client, close_frame(1000)) == 1000


REFUSED = {
    **{
        f"5.2 reserved bit {bit:#x}": (frame(TEXT, b"x", flags=FIN | bit), 1002) for bit in (0x40, 0x20, 0x10)
    },
    **{
        f"5.2 reserved opcode {code}": (frame(code, b"x"), 1002)
        for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "5.1 unmasked": (frame(TEXT, b"x", masked=False), 1002),
    "5.4 continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "5.4 a message within a message": (frame(TEXT, b"x", flags=0) + frame(TEXT, b"y"), 1002),
    "5.5 a fragmented ping": (frame(PING, b"x", flags=0), 1002),
    "5.5 a fragmented close": (frame(CLOSE, b"\x03\xe8", flags=0), 1002),
    "5.5 a ping of 126": (frame(PING, b"x" * 126), 1002),
    "5.5 a close of 126": (close_frame(1000, b"x" * 124), 1002),
    "5.5.1 a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "5.5.1 a close reason that is no UTF-8": (close_frame(1000, b"\xff"), 1007),
    **{
        f"7.4 close code {code}": (close_frame(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)
    },
    "8.1 a byte that never occurs": (frame(TEXT, b"\xff"), 1007),
    "8.1 overlong": (frame(TEXT, b"\xc0\xaf"), 1007),
    "8.1 a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "8.1 beyond U+10FFFF": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "8.1 cut short": (frame(TEXT, b"\xe2\x98"), 1007),
    "8.1 cut short at the last fragment": (pieces(b"x\xe2\x98", TEXT, 1), 1007),
    # The length is enough. A client that sends the rest may be reset before it reads the code.
    "10.4 over the limit": (frame(TEXT, b"x" * (LIMIT + 1))[:100], 1009),
    "10.4 over the limit in fragments": (pieces(b"x" * (LIMIT + 1), TEXT, 40_000)[:40_100], 1009),
    "10.4 a declared length of 2^62": (b"\x81\xff" + struct.pack("!Q", 2**62), 1009),
}


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_violation_is_closed_with_its_code(address: Address, data: bytes, code: int) -> None:
    assert await closed_with(await open_websocket(address.port, PATH), data) == code


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
)
async def test_a_close_is_answered_with_its_code(address: Address, code: int) -> None:
    assert (
        await closed_with(await open_websocket(address.port, PATH), close_frame(code, "☃".encode())) == code
    )


async def test_a_close_may_come_between_fragments(address: Address) -> None:
    """A close frame is allowed within a fragmented message (5.4), which is then dropped."""
    data = frame(TEXT, b"[1", flags=0) + close_frame(1000) + frame(CONTINUATION, b"]")
    assert await closed_with(await open_websocket(address.port, PATH), data) == 1000


async def test_a_close_without_a_code_is_answered(address: Address) -> None:
    assert await closed_with(await open_websocket(address.port, PATH), frame(CLOSE)) in (1000, 1005)


async def test_every_ping_is_answered_in_order_with_what_it_said(address: Address) -> None:
    client = await open_websocket(address.port, PATH)
    sent = [b"", b"\x00\xff", b"x" * 125, *(f"{n}".encode() for n in range(50))]
    client.writer.write(b"".join(frame(PING, data) for data in sent))
    assert [await client.until(PONG) for _ in sent] == sent
    await client.end()


async def test_frames_may_come_byte_by_byte(address: Address) -> None:
    client = await open_websocket(address.port, PATH)
    for byte in frame(PING, b"slowly"):
        client.writer.write(bytes([byte]))
        await client.writer.drain()
    assert await client.until(PONG) == b"slowly"
    await client.end()


async def test_nothing_after_a_close_counts(address: Address) -> None:
    assert (
        await closed_with(await open_websocket(address.port, PATH), close_frame(1000) + frame(TEXT, b"\xff"))
        == 1000
    )
