"""Files of processes that share a folder: each uses one that no other process has open."""

import fcntl
from pathlib import Path
from typing import IO

_SLOTS = 64
"""Processes that share a folder."""


def free_slot(folder: Path, name: str) -> tuple[Path, IO[bytes]]:
    """Return the first path in ``folder`` that no process uses, and the lock that keeps others from it.

    Raises:
        OSError: there is none.
    """
    for slot in range(_SLOTS):
        path = folder / f"{name}-{slot}.sqlite"
        lock = path.with_suffix(".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return path, lock
    raise OSError(f"{_SLOTS} processes use it")


def delete_database(path: Path) -> None:
    """Delete a database of SQLite with its log.

    Raises:
        OSError: it can't be deleted.
    """
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
