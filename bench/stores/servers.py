"""How the chat servers that store are started: each keeps the room's messages in its usual storage."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fanout.peer_setup import PeerTools
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, stop_all
from bench.stores.centrifugo import CHANNEL
from opsroom_testkit.ports import free_port

_LISTEN_SECONDS = 300.0
"""Erlang starts in seconds, but in minutes if the machine is busy."""
_HISTORY = 1_000_000
_OCCUPANTS = 20_000
_UNLIMITED = {"per_second": 1_000_000, "burst_count": 1_000_000}
_PROSODY = """run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ warn = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth", "disco" }}
modules_disabled = {{ "s2s", "posix", "limits" }}
c2s_require_encryption = false
VirtualHost "localhost"
  authentication = "anonymous"
Component "conference.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_log_by_default = true
  muc_log_expires_after = "never"
  muc_room_locking = false
  muc_room_default_presence_broadcast = {{ visitor = false, participant = false, moderator = false }}
  storage = "internal"
"""


@dataclass(frozen=True, slots=True)
class Store:
    """``needs``: what must be installed for it; ``command``: its start, by port and folder."""

    name: str
    protocol: str
    needs: str
    command: Callable[[int, Path, PeerTools], list[str]]
    first: Callable[[Path, PeerTools], list[str]] | None = None
    """A command that must run once before."""


def _ejabberd(port: int, folder: Path, tools: PeerTools) -> list[str]:
    listener = {"port": port, "ip": "127.0.0.1", "module": "ejabberd_c2s"}
    room = {"mam": True, "presence_broadcast": [], "max_users": _OCCUPANTS}
    settings = {
        "hosts": ["localhost"],
        "loglevel": "warning",
        "listen": [listener],
        "auth_method": "anonymous",
        "anonymous_protocol": "sasl_anon",
        "allow_multiple_connections": True,
        "modules": {
            "mod_disco": {},
            "mod_mam": {"default": "always", "db_type": "mnesia"},
            "mod_muc": {
                "max_users": _OCCUPANTS,
                "max_users_presence": _OCCUPANTS,
                "history_size": 0,
                "default_room_options": room,
            },
        },
    }
    config = folder / "ejabberd.yml"
    config.write_text(json.dumps(settings))  # JSON is YAML
    environ = {
        "EJABBERD_CONFIG_PATH": str(config),
        "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        "HOME": str(folder),
    }
    variables = [f"{name}={value}" for name, value in environ.items()]
    # Not ERL_LIBS: Erlang would look into each file of a folder that has all of the system's libraries.
    libraries = map(str, tools.paths["ejabberd"].glob("*/ebin"))
    data = ("-mnesia", "dir", f'"{folder}"')
    return ["env", *variables, "erl", "-noinput", "-pa", *libraries, *data, "-s", "ejabberd"]


def _prosody(port: int, folder: Path, tools: PeerTools) -> list[str]:
    config = folder / "prosody.cfg.lua"
    config.write_text(_PROSODY.format(folder=folder, port=port))
    return [str(tools.paths["prosody"]), "--config", str(config), "-F"]


def _synapse(port: int, folder: Path, tools: PeerTools) -> list[str]:
    limits = ("rc_message", "rc_registration", "rc_room_creation")
    settings = {
        "server_name": "localhost",
        "pid_file": str(folder / "pid"),
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "log_config": str(folder / "log.yaml"),
        "trusted_key_servers": [],
        "report_stats": False,
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "macaroon_secret_key": "bench",
        "form_secret": "bench",
        "bcrypt_rounds": 4,
        "presence": {"enabled": False},
        **dict.fromkeys(limits, _UNLIMITED),
        "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _UNLIMITED),
        "rc_joins": dict.fromkeys(("local", "remote"), _UNLIMITED),
        "rc_joins_per_room": _UNLIMITED,
    }
    (folder / "homeserver.yaml").write_text(json.dumps(settings))
    (folder / "log.yaml").write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
    return [*_python(tools), "--config-path", str(folder / "homeserver.yaml")]


def _synapse_keys(folder: Path, tools: PeerTools) -> list[str]:
    return [*_python(tools), "--config-path", str(folder / "homeserver.yaml"), "--generate-keys"]


def _python(tools: PeerTools) -> list[str]:
    path = f"PYTHONPATH={tools.paths['synapse']}"
    return ["env", path, sys.executable, "-m", "synapse.app.homeserver"]


def _centrifugo(port: int, folder: Path, tools: PeerTools) -> list[str]:
    channel = {
        "allow_subscribe_for_client": True,
        "allow_subscribe_for_anonymous": True,
        "allow_publish_for_client": True,
        "allow_publish_for_anonymous": True,
        "history_size": _HISTORY,
        "history_ttl": "24h",
    }
    settings = {
        "http_server": {"address": "127.0.0.1", "port": str(port)},
        "client": {"insecure": True, "allowed_origins": ["*"], "connection_limit": 0},
        "channel": {"without_namespace": channel},
        "log": {"level": "error"},
    }
    config = folder / f"{CHANNEL}.json"
    config.write_text(json.dumps(settings))
    return [str(tools.paths["centrifugo"]), "-c", str(config)]


STORES = (
    Store("Centrifugo, history in memory", "centrifugo", "centrifugo", _centrifugo),
    Store("ejabberd, archive in Mnesia", "xmpp", "ejabberd", _ejabberd),
    Store("Prosody, archive in files", "xmpp", "prosody", _prosody),
    Store("Synapse, SQLite", "matrix", "synapse", _synapse, _synapse_keys),
)


@asynccontextmanager
async def running(store: Store, tools: PeerTools, *, pin: bool) -> AsyncIterator[Servers]:
    """Start a new server. Yields when it is listening.

    Raises:
        ServerExitedError: it ended instead. TimeoutError: it does not listen within five minutes.
    """
    servers = Servers(free_port())
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        argv = store.command(servers.port, folder, tools)
        environ = os.environ | {"GOMAXPROCS": "1" if pin else "2"}
        with (folder / "log").open("wb") as log, starting_on(SERVER_CORE, pin=pin):
            if store.first is not None:
                first = store.first(folder, tools)
                await (
                    await asyncio.create_subprocess_exec(*first, stdout=log, stderr=log, cwd=folder)
                ).wait()
            servers.processes[store.name] = await asyncio.create_subprocess_exec(
                *argv, stdout=log, stderr=log, env=environ, cwd=folder
            )
        try:
            async with asyncio.timeout(_LISTEN_SECONDS):
                while not await _listens(servers.port):
                    servers.check()
                    await asyncio.sleep(0.05)
            yield servers
        except Exception:
            sys.stderr.write((folder / "log").read_text(errors="replace")[-2000:])
            raise
        finally:
            await stop_all(servers)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
