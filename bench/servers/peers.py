"""The servers that are compared under the same load. A new peer is a new entry here."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.fanout.peer_setup import PEERS_DIR, PeerTools
from bench.options import Options
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, portal, stop_all
from bench.stores.servers import STORES, running
from opsroom_testkit.ports import free_port

_LISTEN_SECONDS = 10.0
EVENTS = "events"
"""The protocol of the dashboard: commands over HTTP, event streams."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``protocol``: ``events``, or as in ``open_reader``; ``open``: starts a new server.

    ``crowded``: also measured with more readers. ``is_other``: a failure of it does not end the scenario.
    """

    name: str
    protocol: str
    open: Callable[[], AbstractAsyncContextManager[Servers]]
    crowded: bool = False
    is_other: bool = False


def build_peers(options: Options, tools: PeerTools) -> tuple[Peer, ...]:
    """Build the list: the relays, the first of which is the baseline, the portal, other stores."""
    ours = partial(portal, delay=options.delay, pin=options.pin)
    # So long that no command completes during the run: there is one event for each.
    events = partial(ours, delay=3600)
    python = (sys.executable, "-m", "bench.servers.relay")
    modules = tools.paths.get("node", Path()) / "node_modules"
    node = ("env", f"NODE_PATH={modules}", "node", str(PEERS_DIR / "course_relay.js"))
    relays = (
        Peer("Node relay, in memory", "course", partial(_relay, node, pin=options.pin), crowded=True),
        Peer("Python relay, in memory", "course", partial(_relay, python, pin=options.pin), crowded=True),
    )
    stores = (
        Peer(
            store.name,
            store.protocol,
            partial(running, store, tools, pin=options.pin),
            crowded=True,
            is_other=True,
        )
        for store in STORES
        if store.needs in tools.paths
    )
    return (
        *relays["node" not in tools.paths :],
        Peer("opsroom /chat", "course", ours, crowded=True),
        Peer("opsroom /api/v1", "v1", ours, crowded=True),
        Peer("opsroom /api/v1, 2 gateways", "v1", partial(ours, gateways=2)),
        Peer("opsroom events", EVENTS, events),
        Peer("opsroom events, 2 gateways", EVENTS, partial(events, gateways=2)),
        *stores,
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
