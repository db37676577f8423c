"""Keeping the search index up to date, in small steps beside the service's other work.

It reads the stream page by page, so that its memory is bounded, and writes in a thread. What it has read and
the position are stored together: after a crash, it goes on exactly there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import apsw

from opsroom_chat.search.change_reader import change_of
from opsroom_chat.search.database import SearchState
from opsroom_chat.search.search_file import Document, Gone, SearchFile
from opsroom_chat.search.terms import Stems
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import Bounds, StreamMessage, StreamReader
from opsroom_runtime.failure_log import FailureLog

_PAGE = 200
_STEP = 8
"""Messages whose words are taken before other tasks get a turn: less than a millisecond."""
_GATHER_SECONDS = 0.2
"""New messages are waited for this long, so that those that come together are written together."""
_CHECK_SECONDS = 5.0
"""How often the stream is compared with the index while nothing new comes."""
_RETRY_SECONDS = 1.0
_BEHIND_MAX = 10
"""This many checks may find the stream behind the index, while a new leader catches up."""
_MAINTAIN_SECONDS = 60.0
_COMPACT_SECONDS = 3600.0
"""How long words of removed messages may stay in the file. Dropping them writes all of it again."""
_COMPACT_PAGES = 64
_TRIM_MESSAGES = 10_000
"""Dropped messages are deleted when they are more than this, and a tenth of all."""
_TRIM_STEP = 200
_ROOM = 2
"""Its place in the subject of a message."""
_SAME = timedelta(milliseconds=1)

log = logging.getLogger(__name__)


class SearchIndexer:
    """Feeds the index from the stream.

    ``wait_for``: waits until the stream has a sequence, for some seconds at most. ``is_public``: whether
    everybody may read a room; it may wait until the room's record is known.

    Attributes:
        synced: whether the index has everything that was stored a moment ago.
        file: the index; another one after it has failed.
    """

    def __init__(
        self,
        file: SearchFile,
        reader: StreamReader,
        *,
        stems: Stems,
        wait_for: Callable[[int, float], Awaitable[bool]],
        is_public: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.file = file
        self.synced = False
        self._reader = reader
        self._stems = stems
        self._wait_for = wait_for
        self._is_public = is_public
        self._state: SearchState | None = file.saved
        self._maintained_at = self._compacted_at = float("-inf")

    @property
    def epoch(self) -> str | None:
        """The epoch of the stream that the index is of."""
        return None if self._state is None else self._state.epoch

    async def run(self) -> None:
        """Index until cancelled."""
        failure_log = FailureLog(log, "the search index", level=logging.INFO)
        while True:
            try:
                await self._verify()
                await self._follow(failure_log)
            except UnavailableError as error:
                failure_log.failed(str(error))
            except (apsw.Error, OSError) as error:
                log.warning("the search index is built again: %s", error)
                await self._replace()
            await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self.file.close)

    def failed(self, error: Exception) -> None:
        """Note that the file can't be read; it is replaced soon."""
        log.warning("the search index failed: %s", error)
        self._state, self.synced = None, False

    async def _follow(self, failure_log: FailureLog) -> None:
        """Index what comes, until the stream or the file is another one."""
        while (state := self._state) is not None:
            page = await self._reader.page(CHAT_EVENTS, start=state.seq + 1, count=_PAGE)
            if page:
                await self._index(page, state)
                failure_log.succeeded()
            if len(page) == _PAGE:
                continue
            self.synced = True
            await self._maintain()
            if not page and not await self._wait_for(state.seq + 1, _CHECK_SECONDS):
                await self._verify()
                continue
            await asyncio.sleep(_GATHER_SECONDS)

    async def _index(self, page: Sequence[StreamMessage], state: SearchState) -> None:
        changes: list[Document | Gone] = []
        for number, stored in enumerate(page):
            if number % _STEP == 0:
                await asyncio.sleep(0)
            is_public = await self._is_public(stored.subject.split(".")[_ROOM])
            change = change_of(stored, self._stems, is_public=is_public)
            if change is not None:
                changes.append(change)
        is_dirty = state.is_dirty or any(_leaves_words(change) for change in changes)
        last = page[-1]
        saved = state.model_copy(
            update={"seq": last.seq, "stored_ns": _nanoseconds(last.at), "is_dirty": is_dirty}
        )
        await asyncio.to_thread(self.file.write, changes, saved)
        if self._state is state:
            self._state = saved

    async def _verify(self) -> None:
        """Begin again if the index is of another stream, or has none.

        Raises:
            UnavailableError: the stream has no epoch yet, is behind, or the broker did not reply.
        """
        for _ in range(_BEHIND_MAX):
            bounds, state = await self._reader.bounds(), self._state
            if bounds.epoch is None:
                raise UnavailableError("the stream has no epoch yet")
            if state is None or not await self._is_same(state, bounds):
                break
            if bounds.last >= state.seq:
                return
            await asyncio.sleep(_RETRY_SECONDS)
        self.synced = False
        await asyncio.to_thread(self.file.clear)
        self._state = SearchState(epoch=bounds.epoch or "", seq=bounds.first - 1, stored_ns=0)

    async def _is_same(self, state: SearchState, bounds: Bounds) -> bool:
        """Whether the stream is the one that was read: by its epoch, and the last message if it is there."""
        if state.epoch != bounds.epoch:
            return False
        found = None if state.stored_ns == 0 else await self._reader.at(state.seq)
        return found is None or abs(found.at - _moment(state.stored_ns)) < _SAME

    async def _replace(self) -> None:
        self._state, self.synced = None, False
        try:
            self.file = await asyncio.to_thread(self.file.replaced)
        except (apsw.Error, OSError) as error:
            log.warning("the search index can't be created: %s", error)

    async def _maintain(self) -> None:
        """From time to time, drop what the stream has dropped, and the words of removed messages."""
        now, state = asyncio.get_running_loop().time(), self._state
        if state is None or now - self._maintained_at < _MAINTAIN_SECONDS:
            return
        self._maintained_at = now
        bounds = await self._reader.bounds()
        if bounds.first - state.trimmed_to > max(_TRIM_MESSAGES, (bounds.last - state.trimmed_to) // 10):
            has_more = True
            while has_more:
                has_more = await asyncio.to_thread(self.file.trim, bounds.first, _TRIM_STEP)
            await self._save({"trimmed_to": bounds.first, "is_dirty": True})
        elif state.is_dirty and now - self._compacted_at >= _COMPACT_SECONDS:
            await self.compact()
            self._compacted_at = now

    async def compact(self) -> None:
        """Drop the words of removed messages from the file.

        Raises:
            apsw.Error: the file failed.
        """
        is_first = True
        while await asyncio.to_thread(self.file.compact, _COMPACT_PAGES, is_first=is_first):
            is_first = False
        await self._save({"is_dirty": False})

    async def _save(self, update: dict[str, object]) -> None:
        state = self._state
        if state is None:
            return
        saved = state.model_copy(update=update)
        await asyncio.to_thread(self.file.save, saved)
        if self._state is state:
            self._state = saved


def _leaves_words(change: Document | Gone) -> bool:
    return isinstance(change, Gone) or change.seq != change.place


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
