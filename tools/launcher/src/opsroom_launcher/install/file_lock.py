"""A lock between processes that is released when its holder dies."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.progress import SILENCE_SECONDS

_PAUSE_SECONDS = 0.1


@contextmanager
def file_lock(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock on ``path``, which is created if needed. A wait is reported every few seconds.

    Raises:
        RefusedError: another process held it for all of ``seconds``, or the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise RefusedError(f"opsroom: can't write {path}: {error.strerror}") from error
    try:
        _acquire(handle, path, seconds)
        yield
    finally:
        os.close(handle)  # releases it


def _acquire(handle: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    report_at = time.monotonic()
    while not _try_lock(handle):
        if time.monotonic() >= deadline:
            raise RefusedError(
                f"opsroom: another ./opsroom is still installing after {seconds:g} s (lock: {path})"
            )
        if time.monotonic() >= report_at:
            print("opsroom: waiting for another ./opsroom to finish installing", file=sys.stderr)
            report_at = time.monotonic() + SILENCE_SECONDS
        time.sleep(_PAUSE_SECONDS)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
