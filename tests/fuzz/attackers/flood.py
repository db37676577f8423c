"""The client of floods: it sends as fast as the portal takes it, from an address that has limits."""

import asyncio
import itertools
import json
import re
import struct
import sys
from collections.abc import Iterator

from opsroom_contracts.close_codes import Close
from opsroom_testkit.websocket_frames import CLOSE, TEXT, close_frame, frame, upgrade_request
from tests.fuzz.cases.flood_cases import POLICY_VIOLATION, TOKEN, FloodCase
from tests.fuzz.cases.socket_cases import V1

FLOOD_SECONDS = 1.0
"""How long a client floods, at most: the portal may read slowly."""
_LINGER_SECONDS, _GOODBYE_SECONDS = 0.3, 0.2
_PIECE_BYTES = 65_536
_LIMITED = frozenset({1000, POLICY_VIOLATION, Close.TRY_LATER.value.code, Close.TOO_SLOW.value.code})
_ALLOWED = frozenset({200, 400, 401, 408, 413, 422, 429, 431, 503})
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n")


class Flooders:
    """Sends floods to the gateway at ``port``. Each case has an address for itself, so that no case uses up
    the budget of the next one.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._addresses = _addresses()

    async def send(self, case: FloodCase, token: str) -> None:
        """Flood.

        Raises:
            AssertionError: a response or a close code that is not allowed.
        """
        address = next(self._addresses)
        floods = (self._one(case, token, address) for _ in range(case.sockets))
        await asyncio.gather(*floods)

    async def _one(self, case: FloodCase, token: str, address: str | None) -> None:
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=None if address is None else (address, 0)
            )
        except ConnectionError:
            return
        received, reading = bytearray(), None
        try:
            async with asyncio.timeout(FLOOD_SECONDS):
                if case.path is not None and not await _opened(reader, writer, case, token):
                    return
                if case.reads:
                    reading = asyncio.create_task(_read(reader, received))
                await _write(writer, case, token)
            if case.path is not None and not case.resets:
                await asyncio.sleep(_LINGER_SECONDS)  # after a close, the portal would drop the rest
                writer.write(close_frame(1000))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            pass  # it was slowed down, or closed
        finally:
            if not case.resets:
                await _until_end(reading or asyncio.create_task(_read(reader, received)))
            if reading is not None:
                reading.cancel()
            writer.transport.abort()
            await asyncio.gather(
                writer.wait_closed(), *([reading] if reading else []), return_exceptions=True
            )
        _judge(case, bytes(received))


def _addresses() -> Iterator[str | None]:
    """Yield addresses of this machine; elsewhere than on Linux, only one is configured."""
    if sys.platform != "linux":
        return itertools.repeat(None)
    numbers = itertools.cycle(range(1, 250 * 250))
    return (f"127.9.{n // 250}.{n % 250 + 1}" for n in numbers)


async def _opened(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, case: FloodCase, token: str
) -> bool:
    """Open a socket. Returns False if it was rejected because there are too many."""
    writer.write(upgrade_request(case.path or "", subprotocol="opsroom.v1"))
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    assert status in {101, 429, 503}, f"answered {head[:300]!r}"
    if status == 101 and case.path == V1 and case.greeted:
        writer.write(frame(TEXT, json.dumps({"type": "hello", "token": token}).encode()))
        await reader.readuntil(b"welcome")
    return status == 101


async def _write(writer: asyncio.StreamWriter, case: FloodCase, token: str) -> None:
    unit = case.unit
    if TOKEN.encode() in unit:
        unit = frame(TEXT, json.dumps({"type": "hello", "token": token}).encode())
    writer.write(case.head)
    at_once = max(1, _PIECE_BYTES // len(unit))
    for sent in range(0, case.count, at_once):
        writer.write(unit * min(at_once, case.count - sent))
        await writer.drain()


async def _read(reader: asyncio.StreamReader, received: bytearray) -> None:
    while data := await reader.read(_PIECE_BYTES):
        received += data
        del received[: -4 * _PIECE_BYTES]


async def _until_end(reading: asyncio.Task[None]) -> None:
    """Read up to the end, for a moment: the portal may have closed the connection with a reason."""
    await asyncio.wait([reading], timeout=_GOODBYE_SECONDS)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def _judge(case: FloodCase, received: bytes) -> None:
    if case.path is None:
        codes = {int(code) for code in _STATUS.findall(received)}
        assert codes <= _ALLOWED, f"answered {sorted(codes)}"
        return
    code = _close_code(received)
    assert code is None or code in _LIMITED | case.codes, f"closed with {code}"


def _close_code(received: bytes) -> int | None:
    """Return the code of a close frame at the end of ``received``."""
    for size in range(2, 126):
        if received[-size - 2 : -size] == bytes((0x80 | CLOSE, size)):
            return int(struct.unpack("!H", received[-size : len(received) - size + 2])[0])
    return None
