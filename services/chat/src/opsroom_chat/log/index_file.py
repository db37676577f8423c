"""The file of the index: one SQLite database of a chat process, which may be deleted at any time."""

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import IO, Self

from pydantic import ValidationError

from opsroom_chat.log import details
from opsroom_chat.log.details import Detail, Placed, ThreadCounts, ThreadQuery
from opsroom_chat.log.file_slots import delete_database, free_slot
from opsroom_chat.log.keys import KEY_BYTES
from opsroom_chat.log.posts import POST_TABLE_NAMES, POST_TABLES, Posts, PostTables, save_posts
from opsroom_contracts.chat.models import Reactions, ThreadSummary
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.jetstream.stream_position import Known, ResumePoint

_VERSION = 2
"""Of the tables and of the keys. A file with another version is discarded: version 1, of releases without
edits, may have passed over events that an earlier process of this release stored."""
_CACHE_KIB = 4096
_TABLES = (
    """
CREATE TABLE messages (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE shards (subject TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), saved TEXT NOT NULL);
"""
    + POST_TABLES
    + details.TABLES
)
# One statement for all rows: between two steps, a thread would have to wait for the interpreter,
# which the event loop keeps busy. In the order of the keys, so that each page is written once.
_ADD = f"""INSERT INTO messages
SELECT substr(:keys, 1 + {KEY_BYTES} * key, {KEY_BYTES}) AS place, value FROM json_each(:sequences)
ORDER BY place ON CONFLICT (key) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq"""  # noqa: S608

log = logging.getLogger(__name__)


class _State(Model):
    """What the file holds apart from messages and shards; stored as JSON."""

    epoch: str
    created: datetime
    seq: int
    stored_ns: int
    trimmed_to: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The state of an index.

    Attributes:
        point: everything up to this message of the stream is in the index.
        shards: the last sequence of each log subject up to that message.
        trimmed_to: the index has no earlier sequence.
    """

    point: ResumePoint
    shards: Mapping[str, int] = field(default_factory=dict)
    trimmed_to: int = 0


class IndexFile:
    """An open index. ``find`` is for the event loop; everything else may be slow, and is for threads.

    Several threads may use it at once; their queries wait for one another.

    Attributes:
        saved: what it held when it was opened; None: nothing that can be used.
        posts: the tables of posts; as ``find``, for the event loop.
    """

    def __init__(self, path: Path | None, lock: IO[bytes] | None = None) -> None:
        """Open or create the file at ``path``; None: an index in memory, which ends with the process.

        Raises:
            sqlite3.Error, OSError: it can't be used.
        """
        self._path = path
        self._process_lock = lock
        self._writing = Lock()
        # The library would give one prepared statement to two threads that run the same query at once.
        self._reading = Lock()
        self._writer = _connect(path)
        try:
            self.saved = _prepare(self._writer)
            self._reader = self._writer if path is None else _connect(path)
            self.posts = PostTables(self._reader)
            self._pages = self._writer if path is None else _connect(path)
        except BaseException:
            self._writer.close()
            raise

    @classmethod
    def open(cls, folder: Path | None) -> Self:
        """Open a file in ``folder`` that no other process uses; an unusable one is replaced.

        Without a usable folder, the index is in memory.
        """
        if folder is None:
            return cls(None)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path, lock = free_slot(folder, "messages")
        except OSError as error:
            log.warning("the message index is kept in memory: %s can't be used: %s", folder, error)
            return cls(None)
        return cls._open_slot(path, lock)

    @classmethod
    def _open_slot(cls, path: Path, lock: IO[bytes]) -> Self:
        try:
            return cls(path, lock)
        except (sqlite3.Error, OSError) as error:
            log.warning("%s is replaced: %s", path, error)
        try:
            delete_database(path)
            return cls(path, lock)
        except (sqlite3.Error, OSError) as error:
            log.warning("the message index is kept in memory: %s can't be used: %s", path, error)
            lock.close()
            return cls(None)

    def replaced(self) -> Self:
        """Close this index and return an empty one in its place."""
        with self._writing, self._reading:
            self._close_connections()
        path, lock = self._path, self._process_lock
        if path is None or lock is None:
            return type(self)(None)
        try:
            delete_database(path)
        except OSError as error:
            log.warning("%s can't be deleted: %s", path, error)
        return self._open_slot(path, lock)

    def find(self, key: bytes) -> int | None:
        """Return the sequence of the last event of a message, or None.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        row = self._reader.execute("SELECT seq FROM messages WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def store(
        self,
        messages: Mapping[bytes, int],
        saved: Saved | None,
        posts: Posts | None = None,
        added: Iterable[Detail] = (),
    ) -> None:
        """Add messages by key, and details; of two sequences of one, the higher one stays.

        ``saved``: the new state.

        Raises:
            sqlite3.Error: nothing was stored.
        """
        with self._writing, self._writer as transaction:
            sequences = json.dumps(list(messages.values()))
            transaction.execute(_ADD, {"keys": b"".join(messages), "sequences": sequences})
            if posts is not None:
                save_posts(transaction, posts)
            details.add(transaction, added)
            if saved is None:
                return
            transaction.executemany("INSERT OR REPLACE INTO shards VALUES (?, ?)", saved.shards.items())
            transaction.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (_encode(saved),))
            details.clean(transaction, saved.point.known.seq)

    def moved(self, room: str, first: int, end: int, nearest: int) -> list[Placed]:
        """Return edited messages, as :func:`details.moved`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.moved(self._pages, room, first, end, nearest)

    def pinned(self, room: str) -> list[Placed]:
        """Return the pinned messages, as :func:`details.pinned`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.pinned(self._pages, room)

    def reactions(
        self, room: str, places: Sequence[int], reader: str | None
    ) -> dict[int, tuple[Reactions, ...]]:
        """Return the reactions, as :func:`details.reactions`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.reactions(self._pages, room, places, reader)

    def replies(self, room: str, thread: str, before: int | None, limit: int) -> list[int]:
        """Return the places of replies, as :func:`details.replies`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.replies(self._pages, room, thread, before, limit)

    def summary(self, room: str, thread: str) -> ThreadSummary | None:
        """Return the summary of a thread, as :func:`details.summary`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.summary(self._pages, room, thread)

    def thread_counts(self, query: ThreadQuery, user_id: str, until: int) -> ThreadCounts:
        """Count what somebody has not read of a thread, as :func:`details.thread_counts`.

        Raises:
            sqlite3.Error: the file can't be read.
        """
        with self._reading:
            return details.thread_counts(self._pages, query, user_id, until)

    def trim(self, first_seq: int) -> None:
        """Delete the messages before ``first_seq``.

        Raises:
            sqlite3.Error: nothing was deleted.
        """
        with self._writing, self._writer as transaction:
            for table in ("messages", "posts", "mentions", "details"):
                transaction.execute(f"DELETE FROM {table} WHERE seq < ?", (first_seq,))  # noqa: S608

    def clear(self) -> None:
        """Delete everything.

        Raises:
            sqlite3.Error: nothing was deleted.
        """
        with self._writing, self._writer as transaction:
            for table in ("messages", "details", "shards", "state", *POST_TABLE_NAMES):
                transaction.execute(f"DELETE FROM {table}")  # noqa: S608  # one of these constants

    def close(self) -> None:
        """Close the file, and let another process use it."""
        with self._writing, self._reading:
            self._close_connections()
        if self._process_lock is not None:
            self._process_lock.close()

    def _close_connections(self) -> None:
        self._pages.close()
        self._reader.close()
        self._writer.close()


def _connect(path: Path | None) -> sqlite3.Connection:
    # Different statements of one connection may run in several threads: SQLite serializes them.
    target = ":memory:" if path is None else str(path)
    connection = sqlite3.connect(target, timeout=5.0, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> Saved | None:
    """Create the tables, or return what they hold.

    Raises:
        sqlite3.Error: the file is corrupt, or of another release.
    """
    # With a write-ahead log, a power cut loses the last transactions, but the file stays consistent.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        with connection as transaction:
            transaction.executescript(_TABLES)
            transaction.execute(f"PRAGMA user_version = {_VERSION}")
        return None
    if version != _VERSION:
        raise sqlite3.DatabaseError(f"it has version {version} instead of {_VERSION}")
    (problem,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if problem != "ok":
        raise sqlite3.DatabaseError(f"it is corrupt: {problem}")
    return _load(connection)


def _load(connection: sqlite3.Connection) -> Saved | None:
    row = connection.execute("SELECT saved FROM state").fetchone()
    if row is None:
        return None
    try:
        state = _State.model_validate_json(row[0])
    except ValidationError as error:
        raise sqlite3.DatabaseError("its state is malformed") from error
    with closing(connection.execute("SELECT subject, seq FROM shards")) as shards:
        point = ResumePoint(state.epoch, state.created, Known(state.seq, state.stored_ns))
        return Saved(point, dict(shards.fetchall()), state.trimmed_to)


def _encode(saved: Saved) -> str:
    point = saved.point
    return _State(
        epoch=point.epoch,
        created=point.created,
        seq=point.known.seq,
        stored_ns=point.known.stored_ns,
        trimmed_to=saved.trimmed_to,
    ).model_dump_json()
