"""The record of a running `opsroom up`, for the other commands of the same installation."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self

from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.portal.banner import Addresses, redact_credentials
from opsroom_launcher.portal.ports import connect_host, format_host_port


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A running portal. The record contains no secrets."""

    pid: int
    host: str
    """Where its gateway is reached from this machine."""
    port: int
    tls: bool
    data: Path | None
    """The embedded broker's folder, absolute; None with an external broker."""
    nats_url: str | None
    """The URL of the external broker, without user and password."""

    @property
    def url(self) -> str:
        """Where its gateway is reached from this machine."""
        return f"{'https' if self.tls else 'http'}://{format_host_port(self.host, self.port)}"

    @classmethod
    def of(cls, addresses: Addresses) -> Self:
        """Build the record of the portal that this process runs."""
        data = addresses.data
        return cls(
            pid=os.getpid(),
            host=connect_host(addresses.host),
            port=addresses.port,
            tls=addresses.tls,
            data=None if data is None else data.resolve(),
            nats_url=redact_credentials(addresses.nats_url) if data is None else None,
        )


@contextmanager
def registered(layout: InstallLayout, portal: RunRecord) -> Iterator[None]:
    """Record ``portal`` in a locked file until this ends, or the process does.

    A kill -9 leaves the file, but not the lock. If nothing can be written, as on a full disk or in a
    container, there is no record.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            _write(layout.run_dir, portal, stack)
        yield


def _write(folder: Path, portal: RunRecord, stack: ExitStack) -> None:
    """Write the record of ``portal``; ``stack`` removes it."""
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    handle, name = tempfile.mkstemp(prefix=f"{portal.pid}-", suffix=".new", dir=folder)
    stack.callback(os.close, handle)
    unfinished = Path(name)
    stack.callback(unfinished.unlink, missing_ok=True)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, json.dumps(asdict(portal), default=str).encode())
    finished = unfinished.with_suffix(".json")
    unfinished.replace(finished)  # atomic: readers see it complete and locked
    stack.callback(finished.unlink, missing_ok=True)


def _remove_stale(folder: Path) -> None:
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError), file.open("rb") as record:
            if not is_locked(record):
                file.unlink()


def is_locked(record: BinaryIO) -> bool:
    """Whether the process that wrote it is alive."""
    try:
        fcntl.flock(record, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
