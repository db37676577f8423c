"""Writing one thing while the next is received."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_messaging.files.store import StorageFullError


class OneWrite:
    """At most one write at a time is in progress; at the end of the block none is, whatever happens."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin with no write."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last write. Its error counts, unless the block has failed already."""
        if error is None:
            await self._done()
        elif self._task is not None:
            await asyncio.wait((self._task,))
            self._task.cancelled() or self._task.exception()  # retrieved: the block's error is raised

    async def then(self, write: Coroutine[None, None, None]) -> None:
        """Wait for the write before, and begin this one.

        Raises:
            FaultError: ``storage_full``.
            UnavailableError: the write before failed.
        """
        try:
            await self._done()
        except BaseException:
            write.close()
            raise
        self._task = asyncio.get_running_loop().create_task(write)

    async def _done(self) -> None:
        if self._task is None:
            return
        try:
            await self._task
        except StorageFullError:
            raise refuse(ErrorCode.STORAGE_FULL, "there is no space for more files") from None
