"""The file of the search index: one SQLite database of a chat process, which may be deleted at any time.

It has no texts: only which words are in which message. It uses a separate SQLite, which can delete from such
an index; the interpreter's may be too old for that.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic
from typing import IO, Self

import apsw

from opsroom_chat.log.file_slots import delete_database, free_slot
from opsroom_chat.search.database import SearchState, connect, hour_of, integers, prepare
from opsroom_chat.search.lookup import Lookup, LookupTimeoutError, Place, find_places
from opsroom_chat.search.terms import PUBLIC_TAG, author_tag, room_tag

_WRITER_CACHE_KIB, _READER_CACHE_KIB = 16_384, 4096
_READERS = 2
_PROGRESS_STEPS = 20_000
_NAMES_MAX = 10_000
"""Numbers of rooms and authors that are remembered."""
_CLEAR = """
INSERT INTO texts (texts) VALUES ('delete-all');
DELETE FROM moved; DELETE FROM hours; DELETE FROM rooms; DELETE FROM authors; DELETE FROM state;
"""
_NUMBER = {
    "rooms": "INSERT INTO rooms (room) VALUES (?) ON CONFLICT DO UPDATE SET id = id RETURNING id",
    "authors": """INSERT INTO authors (user, name) VALUES (?, ?)
ON CONFLICT DO UPDATE SET id = id RETURNING id""",
}
_ADD_HOUR = """INSERT INTO hours VALUES (?, ?)
ON CONFLICT (hour) DO UPDATE SET place = min(place, excluded.place)"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Document:
    """A message to index.

    Attributes:
        place: the sequence of its first event; hits are in this order.
        seq: the sequence of its last event, which has the text.
        room: its id.
        is_public: whether everybody may read the room.
        author: the id of the author, and the key of their name.
        sent: when it was sent.
        words: tags and stems, separated by spaces.
    """

    place: int
    seq: int
    room: str
    is_public: bool
    author: tuple[str, str]
    sent: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A removed message, by its place."""

    place: int


class SearchFile:
    """An open index. All methods may be slow, and are for threads.

    Attributes:
        path: where it is.
        saved: what it has; None: nothing that can be used.
    """

    def __init__(
        self, path: Path, lock: IO[bytes] | None = None, folder: TemporaryDirectory[str] | None = None
    ) -> None:
        """Open or create the file at ``path``.

        Raises:
            apsw.Error: it can't be used.
        """
        self.path, self._process_lock, self._folder = path, lock, folder
        self._writing = Lock()
        self._numbers: dict[tuple[str, ...], int] = {}
        self._writer = connect(path, _WRITER_CACHE_KIB)
        self._readers: list[tuple[Lock, apsw.Connection]] = []
        try:
            self.saved = prepare(self._writer)
            for _ in range(_READERS):
                self._readers.append((Lock(), connect(path, _READER_CACHE_KIB)))
        except BaseException:
            self._close_connections()
            raise

    @classmethod
    def open(cls, folder: Path | None) -> Self:
        """Open a file in ``folder`` that no other process uses; an unusable one is replaced.

        Without a usable folder, the file is a temporary one.

        Raises:
            apsw.Error, OSError: there is no place for a file at all.
        """
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                path, lock = free_slot(folder, "search")
                return cls._open_slot(path, lock)
            except (apsw.Error, OSError) as error:
                log.warning("the search index is temporary: %s can't be used: %s", folder, error)
        temporary = TemporaryDirectory(prefix="opsroom-search-")
        return cls(Path(temporary.name) / "search.sqlite", folder=temporary)

    @classmethod
    def _open_slot(cls, path: Path, lock: IO[bytes]) -> Self:
        try:
            return cls(path, lock)
        except apsw.Error as error:
            log.warning("%s is replaced: %s", path, error)
        try:
            delete_database(path)
            return cls(path, lock)
        except BaseException:
            lock.close()
            raise

    def replaced(self) -> Self:
        """Close this index and return an empty one in its place.

        Raises:
            apsw.Error, OSError: it can't be created.
        """
        with self._writing:
            self._close_connections()
        delete_database(self.path)
        return type(self)(self.path, self._process_lock, self._folder)

    def write(self, changes: Iterable[Document | Gone], saved: SearchState) -> None:
        """Add, replace and delete messages, and save the new state with them.

        Raises:
            apsw.Error: nothing was stored.
        """
        with self._writing, self._writer:
            for change in changes:
                if isinstance(change, Document):
                    self._put(change)
                else:
                    self._delete(change.place)
            self._save(saved)

    def find(self, lookup: Lookup, seconds: float) -> list[Place]:
        """Return hits, the newest first; fewer than ``limit`` only if there are no more.

        Raises:
            LookupTimeoutError: it took longer than ``seconds``.
            apsw.Error: the file can't be read.
        """
        deadline = monotonic() + seconds
        with self._reader(seconds) as reader:
            reader.set_progress_handler(lambda: monotonic() > deadline, _PROGRESS_STEPS)
            try:
                return find_places(reader, lookup)
            except apsw.InterruptError:
                raise LookupTimeoutError from None

    @contextmanager
    def _reader(self, seconds: float) -> Iterator[apsw.Connection]:
        """Lend a connection that nobody uses, after ``seconds`` at most."""
        if not self._readers:
            raise apsw.ConnectionClosedError("the search index is closed")
        free = next((one for one in self._readers if not one[0].locked()), self._readers[0])
        lock, reader = free
        if not lock.acquire(timeout=seconds):
            raise LookupTimeoutError
        try:
            yield reader
        finally:
            lock.release()

    def trim(self, first_seq: int, limit: int) -> bool:
        """Delete up to ``limit`` messages before ``first_seq``; return whether there may be more.

        Raises:
            apsw.Error: nothing was deleted.
        """
        with self._writing, self._writer as transaction:
            rows = transaction.execute(
                "SELECT rowid FROM texts WHERE rowid < ? ORDER BY rowid LIMIT ?", (first_seq, limit)
            ).fetchall()
            transaction.executemany("DELETE FROM texts WHERE rowid = ?", rows)
            transaction.execute("DELETE FROM moved WHERE place < ?", (first_seq,))
        return len(rows) == limit

    def compact(self, pages: int, *, is_first: bool) -> bool:
        """Merge up to ``pages`` pages; return whether more is left.

        At the end, no word of a deleted message is left. ``is_first``: begin to merge everything.

        Raises:
            apsw.Error: the file failed.
        """
        with self._writing:
            before = self._writer.total_changes()
            self._writer.execute(
                "INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (-pages if is_first else pages,)
            )
            return self._writer.total_changes() - before >= 2  # as its documentation has it

    def save(self, saved: SearchState) -> None:
        """Save the state alone, free unused space, and leave no earlier pages in the log of the file.

        Raises:
            apsw.Error: it was not saved.
        """
        with self._writing:
            with self._writer:
                self._save(saved)
            self._writer.execute("PRAGMA incremental_vacuum").fetchall()
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def clear(self) -> None:
        """Delete everything.

        Raises:
            apsw.Error: nothing was deleted.
        """
        with self._writing:
            with self._writer as transaction:
                transaction.execute(_CLEAR)
            self._numbers.clear()
            self.saved = None

    def close(self) -> None:
        """Close the file, and let another process use it."""
        with self._writing:
            self._close_connections()
        if self._process_lock is not None:
            self._process_lock.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _put(self, document: Document) -> None:
        tags = [room_tag(self._number("rooms", (document.room,)))]
        tags.append(author_tag(self._number("authors", document.author)))
        if document.is_public:
            tags.append(PUBLIC_TAG)
        self._writer.execute(
            "INSERT OR REPLACE INTO texts (rowid, words) VALUES (?, ?)",
            (document.place, f"{' '.join(tags)} {document.words}"),
        )
        if document.seq != document.place:
            self._writer.execute("INSERT OR REPLACE INTO moved VALUES (?, ?)", (document.place, document.seq))
            return
        self._writer.execute(
            _ADD_HOUR,
            (hour_of(document.sent), document.place),
        )

    def _delete(self, place: int) -> None:
        self._writer.execute("DELETE FROM texts WHERE rowid = ?", (place,))
        self._writer.execute("DELETE FROM moved WHERE place = ?", (place,))

    def _number(self, table: str, key: tuple[str, ...]) -> int:
        known = self._numbers.get(key)
        if known is None:
            (known,) = integers(self._writer, _NUMBER[table], *key)
            if len(self._numbers) >= _NAMES_MAX:
                self._numbers.clear()
            self._numbers[key] = known
        return known

    def _save(self, saved: SearchState) -> None:
        self._writer.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (saved.model_dump_json(),))
        self.saved = saved

    def _close_connections(self) -> None:
        for lock, reader in self._readers:
            with lock:
                reader.close()
        self._readers = []
        self._writer.close()
