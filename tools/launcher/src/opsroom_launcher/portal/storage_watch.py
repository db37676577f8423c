"""Restart of the embedded broker after a full disk.

Once nats-server could not write to a stream, it refuses all further writes to it until it is restarted, also
when the disk has space again.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_ROOM_BYTES = 16 * 1024**2
"""With less free space, a restarted broker would soon fail again."""
_WRITTEN_BYTES = 64 * 1024
_CHECK_SECONDS = 1.0
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 1.0, 60.0
_CALM_SECONDS = 120.0
"""After this long without a failed write, the pauses are short again."""
_SHOW_SECONDS = 30.0
_SIGNS = ("failed to store a msg", "critical write error")
"""Parts of the lines that nats-server logs about a write that failed, in lower case."""


def has_room(folder: Path) -> bool:
    """Whether a file in ``folder`` can be written, and the disk has space for more."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(_WRITTEN_BYTES))
            file.flush()
            os.fsync(file.fileno())
        return shutil.disk_usage(folder).free >= _ROOM_BYTES
    except OSError:
        return False


class StorageWatch:
    """Notes failed writes in the broker's output, and has it restarted when the disk has room again."""

    def __init__(self, folder: Path, is_shown: Callable[[str], bool]) -> None:
        """``is_shown``: which of the other lines to show."""
        self._folder = folder
        self._is_shown = is_shown
        self._failed = asyncio.Event()
        self._shown_at = -_SHOW_SECONDS

    def is_shown(self, line: str) -> bool:
        """Whether to show ``line`` of the broker's output. Failed writes are noted, and shown rarely."""
        text = line.lower()
        if not any(sign in text for sign in _SIGNS):
            return self._is_shown(line)
        self._failed.set()
        now = time.monotonic()
        if now - self._shown_at < _SHOW_SECONDS:
            return False
        self._shown_at = now
        return True

    async def _until_room(self) -> None:
        while True:
            if await asyncio.to_thread(has_room, self._folder):
                return
            await asyncio.sleep(_CHECK_SECONDS)

    async def run(self, restart: Callable[[str], None]) -> None:
        """Call ``restart`` with the reason after each failure, once there is room. Never returns."""
        clock = asyncio.get_running_loop().time
        pause, restarted_at = _FIRST_PAUSE_SECONDS, -_CALM_SECONDS
        while True:
            await self._failed.wait()
            pause = _FIRST_PAUSE_SECONDS if clock() - restarted_at > _CALM_SECONDS else pause
            await asyncio.sleep(pause)
            await self._until_room()
            self._failed.clear()
            restart("it could not write to the disk, which has space again")
            restarted_at, pause = clock(), min(2 * pause, _MAX_PAUSE_SECONDS)
