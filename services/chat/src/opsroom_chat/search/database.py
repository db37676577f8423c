"""The database of the search index: its tables, and what they say of themselves."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import apsw
from pydantic import ValidationError

from opsroom_contracts.serialization.model import Model

_VERSION = 1
"""Of the tables, the terms and the tags. A file with another version is discarded."""
_TABLES = """
CREATE VIRTUAL TABLE texts USING fts5(words, content='', contentless_delete=1, tokenize='ascii');
CREATE TABLE moved (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE hours (hour INTEGER PRIMARY KEY, place INTEGER NOT NULL);
CREATE TABLE rooms (id INTEGER PRIMARY KEY, room TEXT UNIQUE NOT NULL);
CREATE TABLE authors (id INTEGER PRIMARY KEY, user TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (user, name));
CREATE INDEX names ON authors (name);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), saved TEXT NOT NULL);
"""


class SearchState(Model):
    """What a file has: everything up to ``seq`` of the stream's life ``epoch``.

    ``stored_ns``: when the broker stored the message at ``seq``. ``trimmed_to``: it has no earlier message.
    ``is_dirty``: words of messages that are gone are still in it.
    """

    epoch: str
    seq: int
    stored_ns: int
    trimmed_to: int = 0
    is_dirty: bool = False


def hour_of(moment: datetime) -> int:
    """Return the hour of a time, as the table of hours has it."""
    return int(moment.timestamp() // 3600)


def connect(path: Path, cache_kib: int) -> apsw.Connection:
    """Open a connection.

    Raises:
        apsw.Error: it can't be opened.
    """
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(5000)
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: apsw.Connection) -> SearchState | None:
    """Create the tables, or return what they hold.

    Raises:
        apsw.Error: the file is corrupt, or of another release.
    """
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL").fetchall()
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}").fetchall()
    version = connection.pragma("user_version")
    if version == 0:
        with connection:
            connection.execute(_TABLES)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        return None
    if version != _VERSION:
        raise apsw.SQLError(f"it has version {version} instead of {_VERSION}")
    row = connection.execute("SELECT saved FROM state").fetchone()
    if row is None:
        return None
    try:
        return SearchState.model_validate_json(row[0])
    except ValidationError as error:
        raise apsw.SQLError("its state is malformed") from error


def integers(connection: apsw.Connection, statement: str, *values: str | int) -> list[int]:
    """Return the integers of a statement with one column.

    Raises:
        apsw.Error: it failed.
    """
    rows: Iterator[tuple[int]] = connection.execute(statement, values)
    return [value for (value,) in rows]
