"""The data folder of the embedded broker, and the lock that keeps a second broker out of it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsroom_launcher.errors import RefusedError

_LOCK = "lock"
INDEX = "index"
"""The folder in it for the index of messages, which chat processes build again if it is missing."""


@dataclass(frozen=True, slots=True)
class DataDir:
    """A data folder, locked for this process."""

    path: Path
    kept: bool
    lock: int
    """The locked file's descriptor. The broker inherits it, and the lock with it. A broker that outlives its
    launcher for a moment still keeps a second one out."""


@contextmanager
def persistent_dir(path: Path) -> Iterator[DataDir]:
    """Lock the folder ``path``, and create it if needed.

    Raises:
        RefusedError: it is no folder, can't be written, or is in use by another Opsroom.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise RefusedError(
            f"opsroom: data folder {path} is not a folder (choose another with --data)"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        owner = f"it must belong to user {os.geteuid()}; or " if isinstance(error, PermissionError) else ""
        raise RefusedError(
            f"opsroom: data folder {path} can't be written: {reason} ({owner}choose another with --data)"
        ) from error
    try:
        _lock(lock, path)
        yield DataDir(path, True, lock)
    finally:
        os.close(lock)


@contextmanager
def temporary_dir() -> Iterator[DataDir]:
    """Create a temporary folder, which is deleted at the end."""
    path = Path(tempfile.mkdtemp(prefix="opsroom-"))
    try:
        with persistent_dir(path) as folder:
            yield DataDir(path, False, folder.lock)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _lock(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RefusedError(
            f"opsroom: data folder {path} is in use by another opsroom"
            " (stop that, or choose another with --data)"
        ) from error
