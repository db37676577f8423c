"""Finding places of messages in the search index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from opsroom_chat.search.database import hour_of, integers
from opsroom_chat.search.terms import PUBLIC_TAG, any_of, author_tag, room_tag

_AUTHORS_MAX = 50
"""Of one name that several people have had, these many are searched."""
_FIND = """SELECT rowid FROM texts WHERE texts MATCH ? AND rowid >= ? AND rowid < ?
ORDER BY rowid DESC LIMIT ?"""
_MOVED = "SELECT seq FROM moved WHERE place = ?"
_ROOM = "SELECT id FROM rooms WHERE room = ?"
_AUTHORS = "SELECT id FROM authors WHERE user = ? UNION SELECT id FROM authors WHERE name = ? LIMIT ?"
_HOUR = "SELECT place FROM hours WHERE hour >= ? AND place IS NOT NULL ORDER BY place LIMIT 1"


@dataclass(frozen=True, slots=True)
class Lookup:
    """What to find: messages that match all ``expressions``, in one of ``rooms``, newest first.

    Attributes:
        rooms: ids; with ``is_public``, also all rooms that everybody may read.
        authors: ids or keys of names of which one must match; empty: all.
        before: a place; only earlier ones.
        after, until: only messages sent in these hours, roughly.
        limit: how many places.
    """

    expressions: Sequence[str]
    rooms: Sequence[str]
    is_public: bool
    authors: Sequence[str] = ()
    before: int = 2**63 - 1
    after: datetime | None = None
    until: datetime | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A hit: the place of a message, and the sequence of its last event."""

    place: int
    seq: int


class LookupTimeoutError(Exception):
    """The search took too long."""


def find_places(reader: apsw.Connection, lookup: Lookup) -> list[Place]:
    """Return hits, the newest first; fewer than ``limit`` only if there are no more.

    Raises:
        apsw.Error: the file can't be read, or the reading was interrupted.
    """
    with reader:  # one transaction, so that places and tags fit together
        tags = [PUBLIC_TAG] if lookup.is_public else []
        tags += [room_tag(number) for number in _rooms(reader, lookup.rooms)]
        expressions = [*lookup.expressions, any_of(tags)] if tags else []
        if lookup.authors:
            authors = _authors(reader, lookup.authors)
            expressions = [*expressions, any_of([author_tag(one) for one in authors])] if authors else []
        first, end = _range(reader, lookup)
        places: list[int] = []
        if expressions and first < end:
            rows = reader.execute(_FIND, (" AND ".join(expressions), first, end, lookup.limit))
            places = [int(place) for (place,) in rows]
        moved = {place: seq for place in places for seq in integers(reader, _MOVED, place)}
    return [Place(place, moved.get(place, place)) for place in places]


def _rooms(reader: apsw.Connection, keys: Sequence[str]) -> list[int]:
    return [number for key in keys for number in integers(reader, _ROOM, key)]


def _authors(reader: apsw.Connection, keys: Sequence[str]) -> list[int]:
    found = {one for key in keys for one in integers(reader, _AUTHORS, key, key, _AUTHORS_MAX)}
    return sorted(found)


def _range(reader: apsw.Connection, lookup: Lookup) -> tuple[int, int]:
    """Return the places from which on, and before which, messages of the wanted hours are.

    Their times are those of several processes, so an hour before and after counts as well.
    """
    first, end = 0, lookup.before
    if lookup.after is not None:
        first = _first_place(reader, hour_of(lookup.after) - 1, 2**63 - 1)
    if lookup.until is not None:
        end = min(end, _first_place(reader, hour_of(lookup.until) + 2, end))
    return first, end


def _first_place(reader: apsw.Connection, hour: int, default: int) -> int:
    """Return the lowest place of a message of ``hour`` or later."""
    return min(integers(reader, _HOUR, hour), default=default)
