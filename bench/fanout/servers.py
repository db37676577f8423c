"""The servers that ``fanout`` measures: how each is started, and in which dialect it is spoken to."""

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

from bench.fanout.ours import SSE_DIALECT, UNMEASURED, WS_DIALECT
from bench.fanout.setup import PEERS, Had
from bench.fanout.wire import DIALECTS, ProtocolVersion
from bench.pinning import SERVER_CORE, starting_on
from bench.portal import Servers, end, free_port

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
class Contender:
    """``needs``: what must be set up for it, if anything; ``argv``: by port and a folder of its own."""

    name: str
    dialect: ProtocolVersion
    argv: Callable[[int, Path, Had], list[str]]
    needs: str | None = None


def _python(script: str) -> Callable[[int, Path, Had], list[str]]:
    return lambda port, _folder, _had: [sys.executable, str(PEERS / script), str(port)]


def _picows(port: int, _folder: Path, had: Had) -> list[str]:
    script = str(PEERS / "picows_relay.py")
    return ["env", f"PYTHONPATH={had.paths['picows']}", sys.executable, script, str(port)]


def _node(script: str) -> Callable[[int, Path, Had], list[str]]:
    def argv(port: int, _folder: Path, had: Had) -> list[str]:
        modules = had.paths["node"] / "node_modules"
        return ["env", f"NODE_PATH={modules}", "node", str(PEERS / script), str(port)]

    return argv


def _floor(port: int, _folder: Path, had: Had) -> list[str]:
    return [str(had.paths["floor"]), str(port)]


def _nchan(port: int, folder: Path, had: Had) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(module=had.paths["nchan"], folder=folder, port=port))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    return [nginx, "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")]


def _nats(port: int, folder: Path, had: Had) -> list[str]:
    config = folder / "nats.conf"
    config.write_text(_NATS.format(nats=free_port(), port=port))
    return [str(had.paths["nats"]), "-c", str(config)]


def _centrifugo(port: int, folder: Path, had: Had) -> list[str]:
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
    return [str(had.paths["centrifugo"]), "-c", str(config)]


def _ours(port: int, _folder: Path, _had: Had) -> list[str]:
    return [sys.executable, "-m", "bench.fanout.ours", str(port)]


def _ours_unmeasured(port: int, folder: Path, had: Had) -> list[str]:
    return [*_ours(port, folder, had), UNMEASURED]


OURS = ("opsroom gateway", "opsroom gateway, SSE")

CONTENDERS = (
    Contender("C, write(2): the floor", DIALECTS.relay, _floor, "floor"),
    Contender(OURS[0], WS_DIALECT, _ours),
    Contender("opsroom gateway, no metrics", WS_DIALECT, _ours_unmeasured),
    Contender("nginx nchan", DIALECTS.nchan, _nchan, "nchan"),
    Contender("picows", DIALECTS.relay, _picows, "picows"),
    Contender("nats-server WebSocket", DIALECTS.nats, _nats, "nats"),
    Contender("Centrifugo", DIALECTS.centrifugo, _centrifugo, "centrifugo"),
    Contender("Node ws", DIALECTS.relay, _node("ws_relay.js"), "node"),
    Contender("Socket.IO", DIALECTS.socketio, _node("socketio_relay.js"), "node"),
    Contender("websockets broadcast()", DIALECTS.relay, _python("websockets_broadcast.py")),
    Contender("FastAPI, send_text in a loop", DIALECTS.relay, _python("fastapi_naive.py")),
    Contender(OURS[1], SSE_DIALECT, _ours),
    Contender("nginx nchan, SSE", DIALECTS.nchan_sse, _nchan, "nchan"),
)


@asynccontextmanager
async def serving(contender: Contender, had: Had, *, pin: bool) -> AsyncIterator[Servers]:
    """A fresh server, listening."""
    servers = Servers(free_port())
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        argv = contender.argv(servers.port, Path(folder), had)
        try:
            with starting_on(SERVER_CORE, pin=pin):
                with (Path(folder) / "log").open("wb") as log:
                    servers.processes[contender.name] = await asyncio.create_subprocess_exec(
                        *argv, stdout=log, stderr=log, env=os.environ | {"GOMAXPROCS": "1" if pin else "2"}
                    )
            async with asyncio.timeout(_LISTEN_SECONDS):
                while not _listens(servers):
                    servers.check()
                    await asyncio.sleep(0.05)
            yield servers
        finally:
            await end(servers)


def _listens(servers: Servers) -> bool:
    """Whether it listens, found out without a connection, which would be one reader more."""
    (pid,) = servers.pids().values()
    if servers.dead():
        return False
    sockets = psutil.Process(pid).net_connections("tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == servers.port for one in sockets)
