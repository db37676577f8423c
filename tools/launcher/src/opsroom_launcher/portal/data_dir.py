"""The folder that the embedded broker keeps everything in, and the lock that makes it one broker's alone."""

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


@dataclass(frozen=True, slots=True)
class DataDir:
    """A folder that is ours as long as the lock is held."""

    path: Path
    kept: bool
    lock: int
    """A file descriptor. Whoever inherits it holds the lock too: so a broker that outlives its launcher
    for a moment still keeps a second one from its files."""


@contextmanager
def persistent_dir(path: Path) -> Iterator[DataDir]:
    """The folder ``path``, made if need be, locked.

    Raises:
        RefusedError: it is no folder, can't be written, or another Opsroom works in it.
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
    """A new folder, gone with everything in it at the end."""
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
