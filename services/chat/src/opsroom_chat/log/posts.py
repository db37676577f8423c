"""Who said something where: what unread messages are counted from.

A part of the message index. A post is a message that its room shows: its place is the sequence of its first
event. Answers in threads that the room doesn't show are none.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

POST_TABLES = """
CREATE TABLE rooms (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE people (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE posts (room INTEGER, seq INTEGER, sender INTEGER NOT NULL, PRIMARY KEY (room, seq))
WITHOUT ROWID;
CREATE TABLE mentions (person INTEGER, room INTEGER, seq INTEGER, PRIMARY KEY (person, room, seq))
WITHOUT ROWID;
CREATE INDEX mentioned ON mentions (room, seq);
"""
POST_TABLE_NAMES = ("rooms", "people", "posts", "mentions")
# One statement for all rows: between two steps, a thread would have to wait for the interpreter.
_ADD = """INSERT OR REPLACE INTO posts
SELECT :room, CAST(key AS INTEGER) AS seq, value FROM json_each(:rows) ORDER BY seq"""
_ADD_MENTIONS = """INSERT OR IGNORE INTO mentions
SELECT json_extract(value, '$[0]'), :room, json_extract(value, '$[1]') FROM json_each(:rows)"""
_FORGET_MENTIONS = "DELETE FROM mentions WHERE room = :room AND seq IN (SELECT value FROM json_each(:rows))"
_REMOVE = "DELETE FROM posts WHERE room = :room AND seq IN (SELECT value FROM json_each(:rows))"
EVERYBODY = ""
"""In place of a person's id: a message mentions everybody in its room."""

_UNREAD = """SELECT seq FROM posts
WHERE room = (SELECT no FROM rooms WHERE id = :room) AND seq > :after
AND sender <> ifnull((SELECT no FROM people WHERE id = :user), 0) ORDER BY seq LIMIT :limit"""
# A cross join is carried out in this order: from the few mentions to their posts.
_MENTIONS = """SELECT DISTINCT m.seq FROM mentions m CROSS JOIN posts p ON p.room = m.room AND p.seq = m.seq
WHERE m.person IN (SELECT no FROM people WHERE id IN (:user, '')) AND m.seq > :after
AND m.room = (SELECT no FROM rooms WHERE id = :room)
AND p.sender <> ifnull((SELECT no FROM people WHERE id = :user), 0) ORDER BY m.seq LIMIT :limit"""
_LAST = """SELECT seq FROM posts WHERE room = (SELECT no FROM rooms WHERE id = :room)
ORDER BY seq DESC LIMIT :limit"""


@dataclass(frozen=True, slots=True)
class Post:
    """One message that a room shows. ``mentions``: the people's ids, and perhaps ``EVERYBODY``."""

    sender: str
    mentions: frozenset[str] = frozenset()


RoomPosts = dict[int, Post | None]
"""Posts of one room by their places; None: removed."""


@dataclass(slots=True)
class Posts:
    """Posts by room, in memory until they are saved."""

    by_room: dict[str, RoomPosts] = field(default_factory=dict)
    _plain: dict[str, Post] = field(default_factory=dict)
    """One post without mentions of each sender, for all of them: they are equal, and most posts are such."""

    def put(self, room: str, seq: int, post: Post | None) -> None:
        """Add a post, or with None remove it."""
        if post is not None and not post.mentions:
            post = self._plain.setdefault(post.sender, post)
        self.by_room.setdefault(room, {})[seq] = post

    def of(self, room: str) -> Mapping[int, Post | None]:
        """Return those of one room."""
        return self.by_room.get(room, {})


def post_of(event: Mapping[str, object], seq: int) -> tuple[int, Post | None] | None:
    """Return the place and the post that an event stored at ``seq`` leaves; None: it changes no post.

    Events of newer releases and malformed ones are read as far as possible.
    """
    kind, place = event.get("type"), event.get("messageSeq", seq)
    if not isinstance(place, int):
        return None
    if kind == "removed":
        return place, None
    if kind not in {"message", "edited"} or (event.get("thread") and not event.get("broadcast")):
        return None
    user = event.get("user")
    sender = user.get("id") if isinstance(user, dict) else None
    return (place, Post(sender, _mentioned(event.get("mentions")))) if isinstance(sender, str) else None


def _mentioned(mentions: object) -> frozenset[str]:
    if not isinstance(mentions, dict):
        return frozenset()
    users = mentions.get("users")
    found = {user for user in users if isinstance(user, str)} if isinstance(users, list) else set()
    return frozenset({*found, EVERYBODY} if mentions.get("everybody") is True else found)


def save_posts(transaction: sqlite3.Connection, posts: Posts) -> None:
    """Store posts in the tables, and delete those that are removed."""
    rooms, people = _Numbers(transaction, "rooms"), _Numbers(transaction, "people")
    for room, changes in posts.by_room.items():
        room_no = rooms.of(room)
        kept = {seq: people.of(post.sender) for seq, post in changes.items() if post is not None}
        mentions = [
            (people.of(person), seq)
            for seq, post in changes.items()
            if post is not None
            for person in post.mentions
        ]
        removed = [seq for seq, post in changes.items() if post is None]
        # An edit may mention others than before.
        queries = (
            (_FORGET_MENTIONS, [*changes]),
            (_ADD_MENTIONS, mentions),
            (_ADD, kept),
            (_REMOVE, removed),
        )
        for query, rows in queries:
            transaction.execute(query, {"room": room_no, "rows": json.dumps(rows)})


class PostTables:
    """Reads of the saved posts. Each may raise ``sqlite3.Error``."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader

    def unread(self, room: str, after: int, user_id: str, limit: int) -> Iterator[int]:
        """Iterate over the places of posts of others after ``after``, ascending."""
        return self._places(_UNREAD, {"room": room, "after": after, "user": user_id, "limit": limit})

    def mentions(self, room: str, after: int, user_id: str, limit: int) -> Iterator[int]:
        """Iterate over the places of those that mention a person, ascending."""
        return self._places(_MENTIONS, {"room": room, "after": after, "user": user_id, "limit": limit})

    def last(self, room: str, limit: int) -> Iterator[int]:
        """Iterate over the last places of a room, descending."""
        return self._places(_LAST, {"room": room, "limit": limit})

    def _places(self, query: str, values: Mapping[str, str | int]) -> Iterator[int]:
        return (seq for (seq,) in self._reader.execute(query, values).fetchall())


@dataclass(frozen=True, slots=True)
class RoomCounts:
    """What one person has not read in a room; ``last``: the place of the room's last post."""

    unread: int
    mentions: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Query:
    """Messages to count: those in ``room`` of others than ``user_id``.

    Attributes:
        after, until: after the first and up to the second sequence. With None, nothing is counted.
        limit: where counts end.
    """

    room: str
    user_id: str
    after: int | None
    until: int
    limit: int


def count_posts(saved: PostTables | None, unsaved: Iterable[Posts], query: Query) -> RoomCounts:
    """Count posts. ``unsaved``: the newest last.

    Raises:
        sqlite3.Error: the file can't be read.
    """
    changes: RoomPosts = {}
    for posts in unsaved:
        changes.update(posts.of(query.room))
    removed = {seq for seq, post in changes.items() if post is None}
    last = {seq for seq, post in changes.items() if post is not None}
    if saved is not None:
        last.update(saved.last(query.room, 1 + len(removed)))
    counts = RoomCounts(0, 0, max(last - removed, default=None))
    return counts if query.after is None else _counted(saved, changes, query, query.after, counts.last)


def _counted(
    saved: PostTables | None, changes: RoomPosts, query: Query, after: int, last: int | None
) -> RoomCounts:
    posts = {
        seq: post.mentions
        for seq, post in changes.items()
        if post is not None and seq > after and post.sender != query.user_id
    }
    unread = set(posts)
    mentions = {seq for seq, mentioned in posts.items() if mentioned & {query.user_id, EVERYBODY}}
    if saved is not None:
        # What is saved of a changed post may be of an earlier text.
        enough = query.limit + len(changes)
        unread.update(set(saved.unread(query.room, after, query.user_id, enough)) - changes.keys())
        mentions.update(set(saved.mentions(query.room, after, query.user_id, enough)) - changes.keys())
    unread, mentions = ({seq for seq in found if seq <= query.until} for found in (unread, mentions))
    return RoomCounts(min(len(unread), query.limit), min(len(mentions), query.limit), last)


class _Numbers:
    """The numbers of rooms or people in a transaction, which adds those that are new."""

    def __init__(self, transaction: sqlite3.Connection, table: str) -> None:
        self._transaction = transaction
        self._add = f"INSERT OR IGNORE INTO {table} (id) VALUES (?)"  # noqa: S608  # a constant
        self._find = f"SELECT no FROM {table} WHERE id = ?"  # noqa: S608  # a constant
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        """Return the number of one room or person."""
        if name not in self._known:
            self._transaction.execute(self._add, (name,))
            (number,) = self._transaction.execute(self._find, (name,)).fetchone()
            self._known[name] = int(number)
        return self._known[name]
