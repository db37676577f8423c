"""The index of stored messages: the last event of each by its id, and the end of each shard.

It is a projection of the stream ``CHAT``. It may be behind: a guarded write then fails, and the shard is read
again. It must never claim to know a shard to its end without having all of it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from opsroom_chat.log.details import Detail
from opsroom_chat.log.index_file import IndexFile, Saved
from opsroom_chat.log.keys import indexed, room_of, stored_fields
from opsroom_chat.log.posts import Posts, Query, RoomCounts, count_posts, post_of
from opsroom_contracts.subjects import is_log_subject
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_position import ResumePoint
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime import ticks

_UNSAVED_MAX = 100_000
"""The index is fed no faster than it is saved: beyond this many entries, some 20 MiB, the feed waits."""
_WAIT_SECONDS = 2.0
"""It waits this long at a time, so that a file that can't be written delays it and does not stop it."""

log = logging.getLogger(__name__)


class _Content(Enum):
    """What the content of the file is worth."""

    UNVERIFIED = "unverified"
    """It may be of another stream; the subscription has not compared them yet."""
    STALE = "stale"
    """It must be cleared before anything is saved."""
    VALID = "valid"


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What the file lacks.

    ``is_stale``: the file has to be cleared first. ``shards``: as in ``Saved``.
    """

    messages: dict[bytes, int]
    posts: Posts
    details: list[Detail]
    shards: dict[str, int]
    is_stale: bool


class MessageIndex:
    """The index. A subscription to all events of the stream feeds it, and so do writes and reads of shards.

    Attributes:
        generation: rises with each loss of its content. What was learned before is then worth nothing.
        synced: whether the subscription has delivered everything once.
        failed: whether the file failed and must be replaced; the subscription must then start over.
    """

    def __init__(self, file: IndexFile) -> None:
        self.generation = 0
        self.synced = False
        self.failed = False
        self._file = file
        self._content = _Content.STALE if file.saved is None else _Content.UNVERIFIED
        self._ends: dict[str, int] = {}
        """The end of each shard as far as the subscription has delivered it."""
        self._read_to: dict[str, int] = {}
        """The end of each shard as far as it was read, or written by this process."""
        self._unsaved: dict[bytes, int] = {}
        self._saving: dict[bytes, int] = {}
        self._posts, self._saving_posts = Posts(), Posts()
        self._first = 0
        self._details: list[Detail] = []
        self._has_room = asyncio.Event()
        self._has_work = asyncio.Event()
        self._deaf = True
        """Whether messages are ignored, because some before them are missing."""

    @property
    def unsaved(self) -> int:
        """How many entries are not in the file yet."""
        return len(self._unsaved) + len(self._details)

    @property
    def has_details(self) -> bool:
        """Whether ``take_details`` returns any."""
        return bool(self._details)

    @property
    def is_stale(self) -> bool:
        """Whether the file has nothing of what the index has."""
        return self._content is not _Content.VALID

    @property
    def can_save(self) -> bool:
        """Whether ``take_unsaved`` may be called."""
        return self._content is not _Content.UNVERIFIED and not self.failed

    async def pace(self) -> None:
        """Give other tasks a turn, and wait if much is unsaved."""
        await asyncio.sleep(0)
        if self.unsaved < _UNSAVED_MAX or not self.can_save:
            return
        self._has_room.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._has_room.wait()

    async def until_work(self, seconds: float) -> None:
        """Wait until there is something to save, or the file has failed; but for ``seconds`` at most."""
        if self.unsaved or self.failed:
            return
        self._has_work.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ticks.next_tick(seconds)):
                await self._has_work.wait()

    def find(self, key: bytes) -> int | None:
        """Return the sequence of a message's last event as far as it is known; it may be gone meanwhile."""
        found = max(self._unsaved.get(key, 0), self._saving.get(key, 0))
        if self._content is not _Content.VALID or (found and self.synced):
            return found or None
        try:
            found = max(found, self._file.find(key) or 0)
        except sqlite3.Error as error:
            self.fail(error)
            return None
        return found or None

    def count(self, query: Query) -> RoomCounts:
        """Count messages that rooms show.

        It has what the subscription has delivered. Only once it is ``synced`` is that everything.

        Raises:
            UnavailableError: the index is being built.
        """
        if not self.synced:
            raise UnavailableError("the message index is being built; try again")
        is_saved = self._content is _Content.VALID
        start = None if query.after is None else max(query.after, self._first - 1)
        unsaved = self._saving_posts, self._posts
        try:
            return count_posts(self._file.posts if is_saved else None, unsaved, replace(query, after=start))
        except sqlite3.Error as error:
            self.fail(error)
            raise UnavailableError("the message index is being built; try again") from error

    def end(self, subject: str) -> int:
        """Return up to which sequence this shard is completely in the index."""
        return max(self._ends.get(subject, 0), self._read_to.get(subject, 0))

    def is_current(self, subject: str) -> bool:
        """Whether ``end`` may be the end of the shard. If not, the shard should be read first."""
        return self.synced or subject in self._read_to

    def add(self, key: bytes, seq: int) -> None:
        """Add an event of a message, which says nothing about the end of its shard."""
        if seq > self._unsaved.get(key, 0):
            self._unsaved[key] = seq
            self._has_work.set()

    def add_event(self, subject: str, payload: bytes, seq: int) -> None:
        """Add what a stored event says, but nothing about the end of its shard."""
        self._add_event(subject, stored_fields(payload), payload, seq)

    def _add_event(self, subject: str, fields: Mapping[str, object], payload: bytes, seq: int) -> None:
        found = indexed(subject, fields, payload, seq)
        if found is None:
            return
        for key in (found.key, *found.more):
            self.add(key, seq)
        self._details.extend(found.details)

    def extend(self, subject: str, end: int, generation: int) -> bool:
        """Note that the shard is complete up to ``end``; False: not if the index was lost meanwhile.

        ``generation``: that of the index when ``end()`` returned the sequence from which it was completed.
        """
        if generation != self.generation:
            return False
        self._read_to[subject] = max(end, self.end(subject))
        return True

    def shorten(self, subject: str, end: int) -> None:
        """Note that the last events of a shard are gone: expired or purged."""
        self._read_to[subject] = end
        self._ends[subject] = min(end, self._ends.get(subject, 0))

    def on_restart(self, restart: Restart) -> None:
        """Continue, or forget everything if the stream is another one."""
        if restart.reset:
            self._forget()
            self._deaf = False
        elif self._content is _Content.UNVERIFIED and self._file.saved is not None:
            self._ends = dict(self._file.saved.shards)
            self._content = _Content.VALID
            self._deaf = False

    def on_message(self, message: StreamMessage) -> None:
        """Add an event."""
        if self._deaf:
            return
        event = stored_fields(message.data)
        self._add_event(message.subject, event, message.data, message.seq)
        post = post_of(event, message.seq)
        if post is not None:
            self._posts.put(room_of(message.subject), *post)
        if is_log_subject(message.subject):
            self._ends[message.subject] = message.seq

    def on_synced(self) -> None:
        """Note that everything stored is in the index."""
        self.synced = not self._deaf

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Keep the entries of dropped messages: they are harmless, and trimmed from the file later."""
        self._first = first_seq
        return False

    def fail(self, error: Exception) -> None:
        """Note that the file can't be used."""
        if not self.failed:
            log.warning("the message index is built again: %s", error)
        self._forget()
        self._deaf = self.failed = True
        self._has_work.set()

    def replace_file(self, file: IndexFile) -> None:
        """Use an empty file instead of one that failed."""
        self._file = file
        self.failed = False

    def take_unsaved(self) -> Unsaved:
        """Return what has to be saved. Call ``on_saved`` afterwards, unless it failed."""
        self._saving, self._unsaved = self._unsaved, {}
        self._saving_posts, self._posts = self._posts, Posts()
        is_stale = self._content is _Content.STALE
        return Unsaved(self._saving, self._saving_posts, self.take_details(), dict(self._ends), is_stale)

    def take_details(self) -> list[Detail]:
        """Return the details that have to be saved. If that fails, the index must be built again."""
        taken, self._details = self._details, []
        return taken

    def on_saved(self, generation: int) -> None:
        """Note that what was taken is in the file. ``generation``: that of the index when it was taken."""
        self._has_room.set()
        if generation == self.generation:
            self._content = _Content.VALID
            self._saving, self._saving_posts = {}, Posts()

    def saved(self, unsaved: Unsaved, point: ResumePoint | None, trimmed_to: int) -> Saved | None:
        """Return the state to save with ``unsaved``; None if a later process can't resume there."""
        return None if point is None or self._deaf else Saved(point, unsaved.shards, trimmed_to)

    def _forget(self) -> None:
        self._has_room.set()
        self.generation += 1
        self.synced = False
        self._content = _Content.STALE
        self._ends, self._read_to = {}, {}
        self._unsaved, self._saving, self._details = {}, {}, []
        self._posts, self._saving_posts, self._first = Posts(), Posts(), 0
