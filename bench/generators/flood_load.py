"""An attacker: sockets of one address that send one kind of input as fast as it is taken."""

import asyncio
import json
import os
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial

from bench.generators.process import JsonObject, generator_main
from opsroom_testkit.websocket_frames import (
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    text_frame,
    upgrade_request,
)

ADDRESS = "127.0.0.2"
"""Where the attacker comes from. Others are at 127.0.0.1."""
_BLOCK_BYTES = 65_536
_RETRY_SECONDS = 0.02
_NICE = 10
"""The attacker takes all the time of its core that the measurement leaves."""
_CHAT, _COURSE = "/api/v1/chat/ws", "/chat/"


@dataclass(frozen=True, slots=True)
class Plan:
    """``kind``: a key of ``FLOODS``. ``tokens``: of users, for kinds that need one."""

    port: int
    kind: str
    sockets: int
    seconds: float
    tokens: tuple[str, ...]


class Attacker:
    """What all attacking sockets share."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.sent = 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection from the attacker's address."""
        return await asyncio.open_connection("127.0.0.1", self._plan.port, local_addr=(ADDRESS, 0))

    async def run(self, number: int) -> None:
        """Attack, and start again whenever the connection ends."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await FLOODS[self._plan.kind](self, number)
            await asyncio.sleep(_RETRY_SECONDS)

    async def pour(self, first: bytes, block: bytes, after: bytes = b"") -> None:
        """Send ``first``, ``after`` once a response came, and then ``block`` again and again."""
        reader, writer = await self.connect()
        drain = asyncio.create_task(_read_all(reader, started := asyncio.Event()))
        try:
            writer.write(first)
            if after:
                await started.wait()
                writer.write(after)
            while not drain.done():
                writer.write(block)
                await writer.drain()
                self.sent += len(block)
        finally:
            drain.cancel()
            writer.transport.abort()

    def hello(self, number: int) -> bytes:
        """The frame with which socket ``number`` joins."""
        return text_frame(json.dumps({"type": "hello", "token": self._plan.tokens[number]}).encode())

    async def storm(self, number: int) -> None:
        """Join, and leave at once."""
        reader, writer = await self.connect()
        try:
            writer.write(upgrade_request(_CHAT) + b"")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.hello(number))
            await reader.readexactly(2)
            self.sent += 1
        finally:
            writer.transport.abort()

    async def touch(self, path: str) -> None:
        """Connect, open a socket at ``path`` if there is one, and reset."""
        _, writer = await self.connect()
        if path:
            writer.write(upgrade_request(path))
        sock = writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: a reset instead of a close
        await asyncio.sleep(0)
        writer.transport.abort()
        self.sent += 1


async def _read_all(reader: asyncio.StreamReader, started: asyncio.Event) -> None:
    with suppress(OSError):
        while await reader.read(_BLOCK_BYTES):
            started.set()
    started.set()


def _repeated(piece: bytes) -> bytes:
    return piece * (_BLOCK_BYTES // len(piece))


def _frames(path: str, piece: bytes, first: bytes = b"") -> Callable[[Attacker, int], Awaitable[None]]:
    """A flood of ``piece``, after the handshake and ``first``."""
    return lambda attacker, _: attacker.pour(upgrade_request(path), _repeated(piece), first or piece)


def _joined(piece: bytes) -> Callable[[Attacker, int], Awaitable[None]]:
    """A flood of ``piece`` by a user who has joined."""

    async def flood(attacker: Attacker, number: int) -> None:
        await attacker.pour(upgrade_request(_CHAT), _repeated(piece), attacker.hello(number))

    return flood


def _http(first: bytes, piece: bytes) -> Callable[[Attacker, int], Awaitable[None]]:
    return lambda attacker, _: attacker.pour(first, _repeated(piece))


def _json(**fields: object) -> bytes:
    return text_frame(json.dumps(fields).encode())


_POST = b"POST /api/v1/chat/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
_START = frame(TEXT, b"[", flags=0)

FLOODS: dict[str, Callable[[Attacker, int], Awaitable[None]]] = {
    "pings": _frames(_CHAT, frame(PING)),
    "pongs": _frames(_CHAT, frame(PONG)),
    "empty fragments": _frames(_CHAT, frame(CONTINUATION, flags=0), _START),
    "one-byte fragments": _frames(_CHAT, frame(CONTINUATION, b" ", flags=0), _START),
    "malformed frames": _frames(_CHAT, text_frame(b"{")),
    "typing": _joined(_json(type="typing", room="general")),
    "refused sends": _joined(_json(type="send", clientId="a" * 8, room="general", text="x")),
    "hello storm": Attacker.storm,
    "course pings": _frames(_COURSE, frame(PING)),
    "course frames": _frames(_COURSE, _json(type="send", message="x", user={"name": "nobody"})),
    "course frames, unknown": _frames(_COURSE, _json(type="whatever")),
    "course dashboard frames": _frames("/cloud/", _json(id="x", action="start")),
    "headers": _http(b"GET / HTTP/1.1\r\nHost: a\r\n", b"a:b\r\n"),
    "trailers": _http(_POST + b"0\r\n", b"a:b\r\n"),
    "chunks of one byte": _http(_POST, b"1\r\nx\r\n"),
    "pipelined requests": _http(_GET, _GET),
    "connects": lambda attacker, _: attacker.touch(""),
    "connects of course sockets": lambda attacker, _: attacker.touch(_COURSE),
    "close frames": _frames(_CHAT, close_frame(1000)),
}
"""What an attacker can send."""


async def attack(plan: Plan) -> JsonObject:
    """Attack until the time is over."""
    os.nice(_NICE)
    attacker = Attacker(plan)
    tasks = [asyncio.create_task(attacker.run(number)) for number in range(plan.sockets)]
    await asyncio.sleep(plan.seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"sent": attacker.sent}


def plan_of(found: JsonObject) -> Plan:
    """Read a plan."""
    return Plan(**found | {"tokens": tuple(found["tokens"])})


def plan_data(plan: Plan) -> JsonObject:
    """Write a plan."""
    return asdict(plan)


async def _main(found: JsonObject) -> JsonObject:
    return await attack(plan_of(found))


if __name__ == "__main__":
    generator_main(partial(_main))
