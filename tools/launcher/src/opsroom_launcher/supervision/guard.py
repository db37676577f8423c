"""Kill the children when the launcher dies, even by kill -9.

One `/bin/sh` leads a process group that every child joins, and reads from a pipe whose other end only the
launcher holds. When the launcher ends in any way, the kernel closes the pipe, and the shell kills its group
and itself.

Rejected: PR_SET_PDEATHSIG needs Linux and either `preexec_fn`, which is unsafe beside threads (the console's,
asyncio's own), or a wrapper process for each child. A pipe that the children watch is impossible with
nats-server. The group also keeps the terminal's Ctrl-C from the children, so that the launcher can stop them
in order. A child that is forked while the launcher dies can't escape: without the guard there is no group to
join, and it fails to start.
"""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Self

# `read` returns when the pipe closes. With the traps, only SIGKILL ends the guard before that.
_SCRIPT = "trap '' HUP INT QUIT TERM; echo armed; read -r _; kill -s KILL 0"
_START_SECONDS = 5.0
_END_SECONDS = 5.0


class Guard:
    """An async context manager; leaving it kills what is still in the group."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _SCRIPT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            process_group=0,
        )
        assert self._process.stdout is not None
        await asyncio.wait_for(self._process.stdout.readline(), _START_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        stdin = self._running.stdin
        assert stdin is not None
        stdin.close()
        await asyncio.wait_for(self._running.wait(), _END_SECONDS)

    @property
    def group(self) -> int:
        """The process group that children must be started in."""
        return self._running.pid

    async def lost(self) -> None:
        """Wait until the guard has been killed."""
        await self._running.wait()

    def kill_all(self) -> None:
        """Kill every child, and the guard, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "the guard isn't entered yet"
        return self._process
