"""What later events say about messages, in the file of the index: edits, reactions and pins.

A row has the last event about one thing. Rows may arrive in any order, and several times: the highest
sequence counts. So a row whose thing is over stays until no earlier event can arrive any more.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from opsroom_contracts.chat.models import PARTICIPANTS_MAX, REACTORS_MAX, Reactions, ThreadSummary, User
from opsroom_contracts.chat.reads import UNREAD_MAX

TABLES = """
CREATE TABLE details (room TEXT NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    seq INTEGER NOT NULL, gone INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (room, place, kind, name)
) WITHOUT ROWID;
CREATE INDEX moved ON details (room, place) WHERE kind = 'moved';
CREATE INDEX pins ON details (room, seq) WHERE kind = 'pin';
CREATE INDEX gone ON details (seq) WHERE gone;
"""
# One statement for all rows: between two steps, a thread would have to wait for the interpreter.
_VALUES = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(7))
_ADD = f"""INSERT INTO details SELECT {_VALUES} FROM json_each(?) WHERE true
ON CONFLICT (room, place, kind, name) DO UPDATE
SET seq = excluded.seq, gone = excluded.gone, value = excluded.value WHERE excluded.seq > seq"""  # noqa: S608
_FORGET = "DELETE FROM details WHERE room = ? AND place = ? AND kind != 'moved' AND seq < ?"
_MOVED = "SELECT place, iif(gone, 0, seq) FROM details INDEXED BY moved WHERE kind = 'moved' AND room = ?"
_PINNED = "SELECT place, seq FROM details WHERE kind = 'pin' AND NOT gone AND room = ? ORDER BY seq DESC"
_COUNTS = """
SELECT place, substr(name, 1, instr(name, ' ') - 1) AS emoji, count(*),
    max(substr(name, instr(name, ' ') + 1) = ?)
FROM details WHERE room = ? AND place IN ({places}) AND kind = 'reaction' AND NOT gone
GROUP BY place, emoji ORDER BY place, min(seq)
"""
_REACTORS = """
SELECT substr(name, ?), value FROM details WHERE room = ? AND place = ? AND kind = 'reaction' AND NOT gone
AND name > ? AND name < ? ORDER BY seq LIMIT ?
"""
_AFTER_SPACE = "!"
"""The next character: names between an emoji with a space and one with this are of that emoji."""


_REPLIES = """SELECT substr(name, -19) FROM details WHERE room = ? AND place = ? AND kind = 'reply'
AND NOT gone AND name > ? AND name < ? ORDER BY name DESC LIMIT ?"""
_THREAD = """SELECT value, count(*), min(name) AS first, max(substr(name, -19)) FROM details
WHERE room = ? AND place = ? AND kind = 'reply' AND NOT gone AND name > ? AND name < ?
GROUP BY value ORDER BY first"""
_UNREAD_REPLIES = """SELECT count(*) FROM (SELECT 1 FROM details WHERE room = ? AND place = ?
AND kind = 'reply' AND NOT gone AND name > ? AND name < ? AND substr(value, 1, ?) <> ? LIMIT ?)"""
THREADS = 2**63 - 1
"""In the place of a message: the rows of replies, which name the thread. An import may store a reply before
the message that it replies to has a place."""


class Kind(StrEnum):
    """What a row says about a message."""

    MOVED = "moved"
    """It was edited or removed: its last event is at ``seq``."""
    REACTION = "reaction"
    """``name``: the emoji, a space and the user's id; ``value``: the user's name."""
    PIN = "pin"
    REPLY = "reply"
    """``place``: ``THREADS``; ``name``: of ``reply_name``; ``value``: the sender's id, a space and name."""


class Detail(NamedTuple):
    """One row. ``place``: the sequence of the message's first event. ``seq``: that of this one.

    ``gone``: the message is removed, the reaction was taken back, or the message is no longer pinned.
    """

    room: str
    place: int
    kind: Kind
    seq: int
    gone: bool = False
    name: str = ""
    value: str = ""


class Placed(NamedTuple):
    """Where a message is in its room, and the sequence of an event about it."""

    place: int
    seq: int


class ThreadQuery(NamedTuple):
    """A thread, by its room and the id of its first message. ``read``: up to where somebody has read it."""

    room: str
    thread: str
    read: int


class ThreadCounts(NamedTuple):
    """Replies of others that somebody has not read, and the place of the last reply; None: there is none."""

    unread: int
    last: int | None


def add(transaction: sqlite3.Connection, details: Iterable[Detail]) -> None:
    """Add rows. With a removed message, its reactions and its pin go."""
    rows = sorted(details)
    values = [(one.room, one.place, one.kind, one.name, one.seq, one.gone, one.value) for one in rows]
    transaction.execute(_ADD, (json.dumps(values),))
    removed = [(one.room, one.place, one.seq) for one in rows if one.kind is Kind.MOVED and one.gone]
    transaction.executemany(_FORGET, removed)


def clean(transaction: sqlite3.Connection, delivered: int) -> None:
    """Delete the rows of things that are over. No event up to ``delivered`` arrives again."""
    transaction.execute("DELETE FROM details WHERE gone AND seq <= ?", (delivered,))


def moved(connection: sqlite3.Connection, room: str, first: int, end: int, nearest: int) -> list[Placed]:
    """Return edited messages with places from ``first`` to before ``end``, ascending.

    ``nearest``: how many at most: if negative, the last ones before ``end``; else the first ones. Removed
    ones are among them for a while, with sequence 0.
    """
    order = "DESC" if nearest < 0 else "ASC"
    query = f"{_MOVED} AND place >= ? AND place < ? ORDER BY place {order} LIMIT ?"  # two constants
    rows = connection.execute(query, (room, first, end, abs(nearest))).fetchall()
    return sorted(Placed(*row) for row in rows)


def pinned(connection: sqlite3.Connection, room: str) -> list[Placed]:
    """Return the pinned messages of a room, the one pinned last first."""
    return [Placed(*row) for row in connection.execute(_PINNED, (room,)).fetchall()]


def reactions(
    connection: sqlite3.Connection, room: str, places: Sequence[int], reader: str | None
) -> dict[int, tuple[Reactions, ...]]:
    """Return the reactions to the messages at ``places``, as ``reader`` sees them.

    Emoji are in the order of the first reaction that still is there; so are the users of each.
    """
    if not places:
        return {}
    query = _COUNTS.format(places=", ".join("?" * len(places)))
    found: dict[int, list[Reactions]] = {}
    for place, emoji, count, me in connection.execute(query, (reader or "", room, *places)).fetchall():
        users = _reactors(connection, room, place, emoji)
        found.setdefault(place, []).append(
            Reactions(emoji=emoji, count=count, users=users, me=bool(me) or None)
        )
    return {place: tuple(of_place) for place, of_place in found.items()}


def _reactors(connection: sqlite3.Connection, room: str, place: int, emoji: str) -> tuple[User, ...]:
    """Return those who reacted first."""
    bounds = f"{emoji} ", f"{emoji}{_AFTER_SPACE}"
    values = (len(bounds[0]) + 1, room, place, *bounds, REACTORS_MAX)
    rows = connection.execute(_REACTORS, values).fetchall()
    return tuple(User(id=user_id, name=name) for user_id, name in rows)


def reply_name(thread: str, place: int) -> str:
    """Return the name of the row of a reply. Names of a thread are in the order of places."""
    return f"{thread} {place:019d}"


def replies(
    connection: sqlite3.Connection, room: str, thread: str, before: int | None, limit: int
) -> list[int]:
    """Return the places of the last replies of a thread before a place, the newest first."""
    bounds = reply_name(thread, 0), reply_name(thread, 2**63 - 1 if before is None else before)
    rows = connection.execute(_REPLIES, (room, THREADS, *bounds, limit)).fetchall()
    return [int(place) for (place,) in rows]


def thread_counts(
    connection: sqlite3.Connection, query: ThreadQuery, user_id: str, until: int
) -> ThreadCounts:
    """Count replies of others with places up to ``until`` in a thread; the count ends at 999."""
    room, thread, read = query
    end, sender = reply_name(thread, until + 1), f"{user_id} "
    last = connection.execute(_REPLIES, (room, THREADS, reply_name(thread, 0), end, 1)).fetchone()
    values = (room, THREADS, reply_name(thread, read), end, len(sender), sender, UNREAD_MAX)
    (unread,) = connection.execute(_UNREAD_REPLIES, values).fetchone()
    return ThreadCounts(unread, None if last is None else int(last[0]))


def summary(connection: sqlite3.Connection, room: str, thread: str) -> ThreadSummary | None:
    """Return the summary of the replies to a message; None if there are none."""
    bounds = reply_name(thread, 0), reply_name(thread, 2**63 - 1)
    count = last = 0
    people: dict[str, User] = {}
    for value, number, _, place in connection.execute(_THREAD, (room, THREADS, *bounds)).fetchall():
        user_id, _, user_name = value.partition(" ")
        people.setdefault(user_id, User(id=user_id, name=user_name))
        count, last = count + number, max(last, int(place))
    if not count:
        return None
    participants = tuple(people.values())[:PARTICIPANTS_MAX]
    return ThreadSummary(replies=count, last=last, participants=participants)
