"""Saving the index to its file, and building it again if the file fails."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from opsroom_chat.log.index_file import IndexFile, Saved
from opsroom_chat.log.message_index import MessageIndex, Unsaved
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_position import ResumePoint
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_TICK_SECONDS = 0.25
_SAVE_SECONDS = 5.0
"""How often new messages are saved. After a crash, this much has to be read again."""
_SAVE_MESSAGES = 50_000
"""Earlier after this many. Each save writes most pages of a large file, so they should not be frequent."""
_TRIM_SECONDS = 600.0
_TRIM_MESSAGES = 10_000
"""Dropped messages are deleted from the file when they are more than this, and a quarter of all."""

_BEING_BUILT = "the message index is being built; try again"

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


class IndexKeeper:
    """Owns the file of the index.

    ``subscription``: feeds the index; its position is saved with what it has delivered.
    """

    def __init__(
        self, file: IndexFile, index: MessageIndex, subscription: StreamSubscription, reader: StreamReader
    ) -> None:
        self._file = file
        self._index = index
        self._subscription = subscription
        self._reader = reader
        self._saving = asyncio.Lock()
        self._storing_details = False
        """Whether details are on their way to the file, so that a query might miss them."""
        self._trimmed_to = 0 if file.saved is None else file.saved.trimmed_to
        self._written: tuple[ResumePoint | None, int] | None = None
        """The point and ``trimmed_to`` of the last save by this process."""

    async def run(self) -> None:
        """Save until cancelled."""
        loop = asyncio.get_running_loop()
        saved_at = loop.time()
        trimmed_at = saved_at - _TRIM_SECONDS
        while True:
            await self._index.until_work(_SAVE_SECONDS)
            await asyncio.sleep(_TICK_SECONDS)
            now = loop.time()
            if self._index.failed:
                await self._replace()
            elif now - saved_at >= _SAVE_SECONDS or self._index.unsaved >= _SAVE_MESSAGES:
                await self.save()
                saved_at = loop.time()
            if self._index.synced and now - trimmed_at >= _TRIM_SECONDS:
                await self._trim()
                trimmed_at = now

    async def save(self) -> None:
        """Save what the file lacks."""
        async with self._saving:
            await self._save()

    async def read(self, query: Callable[[IndexFile], ResultT]) -> ResultT:
        """Ask the file for details, with everything that the index has by now.

        Raises:
            UnavailableError: the index is being built.
        """
        if self._storing_details or self._index.has_details or self._index.is_stale:
            async with self._saving:
                await self._store_details()
        self._check_complete()
        file = self._file
        try:
            return await asyncio.to_thread(query, file)
        except sqlite3.Error as error:
            if file is self._file:  # not one that was replaced meanwhile
                self._index.fail(error)
        raise UnavailableError(_BEING_BUILT)

    async def _store_details(self) -> None:
        if self._index.synced and self._index.is_stale:
            await self._save()
            return
        self._check_complete()
        added, self._storing_details = self._index.take_details(), True
        try:
            await asyncio.to_thread(self._file.store, {}, None, None, added)
        except sqlite3.Error as error:
            self._index.fail(error)
        finally:
            self._storing_details = False

    def _check_complete(self) -> None:
        if not self._index.synced or self._index.is_stale or self._index.failed:
            raise UnavailableError(_BEING_BUILT)

    async def _save(self) -> None:
        index, generation = self._index, self._index.generation
        written = self._subscription.resume_point, self._trimmed_to
        is_unchanged = not index.unsaved and not index.is_stale and written == self._written
        if not index.can_save or is_unchanged:
            return
        unsaved = index.take_unsaved()
        saved = index.saved(unsaved, *written)
        self._storing_details = bool(unsaved.details)
        try:
            await asyncio.to_thread(_write, self._file, unsaved, saved)
        except sqlite3.Error as error:
            index.fail(error)
            return
        finally:
            self._storing_details = False
        index.on_saved(generation)
        self._written = written

    async def close(self) -> None:
        """Save and close."""
        await self.save()
        await asyncio.to_thread(self._file.close)

    async def _replace(self) -> None:
        async with self._saving:
            self._file = await asyncio.to_thread(self._file.replaced)
            self._trimmed_to = 0
            self._index.replace_file(self._file)
            self._subscription.start_over()

    async def _trim(self) -> None:
        """Delete entries of messages that the stream has dropped."""
        try:
            bounds = await self._reader.bounds()
            dropped = bounds.first - self._trimmed_to
            if dropped > max(_TRIM_MESSAGES, (bounds.last - self._trimmed_to) // 4):
                await asyncio.to_thread(self._file.trim, bounds.first)
                self._trimmed_to = bounds.first
        except UnavailableError as error:
            log.info("the message index is trimmed later: %s", error)
        except sqlite3.Error as error:
            self._index.fail(error)


def _write(file: IndexFile, unsaved: Unsaved, saved: Saved | None) -> None:
    if unsaved.is_stale:
        file.clear()
    file.store(unsaved.messages, saved, unsaved.posts, unsaved.details)
