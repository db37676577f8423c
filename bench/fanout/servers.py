"""The servers that ``fanout`` measures: how each is started, and its protocol."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.fanout.opsroom_server import SSE_PROTOCOL, WITHOUT_METRICS, WS_PROTOCOL
from bench.fanout.peer_setup import PEERS_DIR, PeerTools
from bench.fanout.protocols import PROTOCOLS, PeerProtocol
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, stop_all
from opsroom_testkit.ports import free_port

_LISTEN_SECONDS = 20.0
_NGINX = """load_module {module};
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 16000; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /publish {{ nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 100; }}
    location = /read {{ nchan_subscriber; nchan_channel_id bench; nchan_subscriber_first_message newest; }}
  }}
}}
"""
_NATS = """listen: "127.0.0.1:{nats}"
max_connections: 16000
websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """``needs``: what must be installed for it, if anything; ``argv``: the command, by port and folder."""

    name: str
    protocol: PeerProtocol
    argv: Callable[[int, Path, PeerTools], list[str]]
    needs: str | None = None


def _python(script: str) -> Callable[[int, Path, PeerTools], list[str]]:
    return lambda port, _folder, _tools: [sys.executable, str(PEERS_DIR / script), str(port)]


def _picows(port: int, _folder: Path, tools: PeerTools) -> list[str]:
    script = str(PEERS_DIR / "picows_relay.py")
    return ["env", f"PYTHONPATH={tools.paths['picows']}", sys.executable, script, str(port)]


def _node(script: str) -> Callable[[int, Path, PeerTools], list[str]]:
    def argv(port: int, _folder: Path, tools: PeerTools) -> list[str]:
        modules = tools.paths["node"] / "node_modules"
        return ["env", f"NODE_PATH={modules}", "node", str(PEERS_DIR / script), str(port)]

    return argv


def _floor(port: int, _folder: Path, tools: PeerTools) -> list[str]:
    return [str(tools.paths["floor"]), str(port)]


def _nchan(port: int, folder: Path, tools: PeerTools) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(module=tools.paths["nchan"], folder=folder, port=port))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    return [nginx, "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")]


def _nats(port: int, folder: Path, tools: PeerTools) -> list[str]:
    config = folder / "nats.conf"
    config.write_text(_NATS.format(nats=free_port(), port=port))
    return [str(tools.paths["nats"]), "-c", str(config)]


def _centrifugo(port: int, folder: Path, tools: PeerTools) -> list[str]:
    config = folder / "config.json"
    anyone = {
        "allow_subscribe_for_client": True,
        "allow_subscribe_for_anonymous": True,
        "allow_publish_for_client": True,
        "allow_publish_for_anonymous": True,
    }
    settings = {
        "http_server": {"address": "127.0.0.1", "port": str(port)},
        "client": {"insecure": True, "allowed_origins": ["*"], "connection_limit": 0},
        "channel": {"without_namespace": anyone},
        "log": {"level": "error"},
    }
    config.write_text(json.dumps(settings))
    return [str(tools.paths["centrifugo"]), "-c", str(config)]


def _ours(port: int, _folder: Path, _tools: PeerTools) -> list[str]:
    return [sys.executable, "-m", "bench.fanout.opsroom_server", str(port)]


def _ours_unmeasured(port: int, folder: Path, tools: PeerTools) -> list[str]:
    return [*_ours(port, folder, tools), WITHOUT_METRICS]


OURS = ("opsroom gateway", "opsroom gateway, SSE")

PEERS = (
    Peer("C, write(2): the floor", PROTOCOLS.relay, _floor, "floor"),
    Peer(OURS[0], WS_PROTOCOL, _ours),
    Peer("opsroom gateway, no metrics", WS_PROTOCOL, _ours_unmeasured),
    Peer("nginx nchan", PROTOCOLS.nchan, _nchan, "nchan"),
    Peer("picows", PROTOCOLS.relay, _picows, "picows"),
    Peer("nats-server WebSocket", PROTOCOLS.nats, _nats, "nats"),
    Peer("Centrifugo", PROTOCOLS.centrifugo, _centrifugo, "centrifugo"),
    Peer("Node ws", PROTOCOLS.relay, _node("ws_relay.js"), "node"),
    Peer("Socket.IO", PROTOCOLS.socketio, _node("socketio_relay.js"), "node"),
    Peer("websockets broadcast()", PROTOCOLS.relay, _python("websockets_broadcast.py")),
    Peer("FastAPI, send_text in a loop", PROTOCOLS.relay, _python("fastapi_naive.py")),
    Peer(OURS[1], SSE_PROTOCOL, _ours),
    Peer("nginx nchan, SSE", PROTOCOLS.nchan_sse, _nchan, "nchan"),
)


@asynccontextmanager
async def serving(peer: Peer, tools: PeerTools, *, pin: bool) -> AsyncIterator[Servers]:
    """Start a new server. Yields when it is listening."""
    servers = Servers(free_port())
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        argv = peer.argv(servers.port, Path(folder), tools)
        try:
            with starting_on(SERVER_CORE, pin=pin):
                with (Path(folder) / "log").open("wb") as log:
                    servers.processes[peer.name] = await asyncio.create_subprocess_exec(
                        *argv, stdout=log, stderr=log, env=os.environ | {"GOMAXPROCS": "1" if pin else "2"}
                    )
            async with asyncio.timeout(_LISTEN_SECONDS):
                while not _listens(servers):
                    servers.check()
                    await asyncio.sleep(0.05)
            yield servers
        finally:
            await stop_all(servers)


def _listens(servers: Servers) -> bool:
    """Whether it is listening, checked without a connection, which would count as a reader."""
    (pid,) = servers.pids().values()
    if servers.exited():
        return False
    sockets = psutil.Process(pid).net_connections("tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == servers.port for one in sockets)
