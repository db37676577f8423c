"""Where `./opsroom up` runs at this moment, told to the other commands of the same repository."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from opsroom_launcher.banner import Addresses, without_secrets
from opsroom_launcher.listening import reachable

FOLDER = Path(".opsroom", "running")
"""One file for each `up`, which holds it locked: a kill -9 leaves the file, and not the lock."""


class Running(BaseModel):
    """A portal that runs. Nothing in it is a secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    host: str
    """Where its gateway is reached from this machine."""
    port: int
    tls: bool
    data: Path | None
    """The embedded broker's folder, absolute; None with an outside broker."""
    nats_url: str | None
    """The outside broker, without the user and password that its URL may carry."""

    @classmethod
    def of(cls, addresses: Addresses) -> Self:
        """What to tell of the portal that this process runs."""
        data = addresses.data
        return cls(
            pid=os.getpid(),
            host=reachable(addresses.host),
            port=addresses.port,
            tls=addresses.tls,
            data=None if data is None else data.resolve(),
            nats_url=without_secrets(addresses.nats_url) if data is None else None,
        )


@contextmanager
def recorded(root: Path, portal: Running) -> Iterator[None]:
    """Tell of ``portal`` until the end of this, or of the process.

    Where nothing can be written, as in a container, nobody is told.
    """
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(folder)
        handle, name = tempfile.mkstemp(prefix=f"{portal.pid}-", suffix=".new", dir=folder)
    except OSError:
        yield
        return
    file = Path(name).with_suffix(".json")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, portal.model_dump_json().encode())
        Path(name).replace(file)  # whoever reads it finds it whole, and locked
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def running_in(root: Path) -> list[Running]:
    """The portals that run, the latest first."""
    found: list[tuple[int, Running]] = []
    for file in (root / FOLDER).glob("*.json"):
        with suppress(OSError, ValidationError), file.open("rb") as record:
            if _is_held(record):
                started = os.fstat(record.fileno()).st_mtime_ns
                found.append((started, Running.model_validate_json(record.read())))
    return [portal for _, portal in sorted(found, key=lambda one: one[0], reverse=True)]


def _forget_the_dead(folder: Path) -> None:
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError), file.open("rb") as record:
            if not _is_held(record):
                file.unlink()


def _is_held(record: BinaryIO) -> bool:
    """Whether the process that wrote it lives."""
    try:
        fcntl.flock(record, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
