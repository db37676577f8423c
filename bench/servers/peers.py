"""The servers that are compared under the same load. A new peer is a new entry here."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.fanout.peer_setup import PEERS_DIR
from bench.options import Options
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, portal, stop_all
from opsroom_testkit.ports import free_port

_LISTEN_SECONDS = 10.0
EVENTS = "events"
"""The protocol of the dashboard: commands over HTTP, event streams."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``protocol``: ``course``, ``v1`` or ``events``; ``open``: starts a new server."""

    name: str
    protocol: str
    open: Callable[[], AbstractAsyncContextManager[Servers]]


def build_peers(options: Options, node_modules: Path | None) -> tuple[Peer, ...]:
    """Build the list: the relays, the first of which is the baseline, then the portal by protocol.

    ``node_modules``: where Node finds ``ws``; None: there is no relay in Node.
    """
    ours = partial(portal, delay=options.delay, pin=options.pin)
    # So long that no command completes during the run: there is one event for each.
    events = partial(ours, delay=3600)
    python = (sys.executable, "-m", "bench.servers.relay")
    node = ("env", f"NODE_PATH={node_modules}", "node", str(PEERS_DIR / "course_relay.js"))
    relays = (
        Peer("Node relay, in memory", "course", partial(_relay, node, pin=options.pin)),
        Peer("Python relay, in memory", "course", partial(_relay, python, pin=options.pin)),
    )
    return (
        *relays[node_modules is None :],
        Peer("opsroom /chat", "course", ours),
        Peer("opsroom /api/v1", "v1", ours),
        Peer("opsroom /api/v1, 2 gateways", "v1", partial(ours, gateways=2)),
        Peer("opsroom events", EVENTS, events),
        Peer("opsroom events, 2 gateways", EVENTS, partial(events, gateways=2)),
    )


@asynccontextmanager
async def _relay(argv: tuple[str, ...], *, pin: bool) -> AsyncIterator[Servers]:
    servers = Servers(free_port())
    try:
        with starting_on(SERVER_CORE, pin=pin):
            servers.processes["relay"] = await asyncio.create_subprocess_exec(*argv, str(servers.port))
        async with asyncio.timeout(_LISTEN_SECONDS):
            while not await _listens(servers.port):
                servers.check()
                await asyncio.sleep(0.02)
        yield servers
    finally:
        await stop_all(servers)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
