"""Servers that the same load is put on, side by side; a peer is one more entry here."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bench.options import Options
from bench.pinning import SERVER_CORE, starting_on
from bench.portal import Servers, end, free_port, portal

_LISTEN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Contender:
    """``dialect``: the language its sockets speak, ``course`` or ``v1``; ``open`` starts a fresh one."""

    name: str
    dialect: str
    open: Callable[[], AbstractAsyncContextManager[Servers]]


def contenders(options: Options) -> tuple[Contender, ...]:
    """The relay, which the others are compared with, first; then the portal in both its dialects."""
    ours = partial(portal, delay=options.delay, pin=options.pin)
    return (
        Contender("relay, in memory", "course", partial(_relay, pin=options.pin)),
        Contender("opsroom /chat", "course", ours),
        Contender("opsroom /api/v1", "v1", ours),
    )


@asynccontextmanager
async def _relay(*, pin: bool) -> AsyncIterator[Servers]:
    servers = Servers(free_port())
    try:
        with starting_on(SERVER_CORE, pin=pin):
            servers.processes["relay"] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.relay", str(servers.port)
            )
        async with asyncio.timeout(_LISTEN_SECONDS):
            while not await _listens(servers.port):
                servers.check()
                await asyncio.sleep(0.02)
        yield servers
    finally:
        await end(servers)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
