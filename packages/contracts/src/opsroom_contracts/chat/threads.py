"""Followed threads: which ones a person follows, and up to where they have read each.

A person follows a thread once they reply in it, are mentioned by name in it, or somebody replies to a message
of theirs; and by choice. A thread that they have stopped following is followed again once they reply in it or
are mentioned.
"""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.chat.models import Message
from opsroom_contracts.chat.reads import UnreadCount
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, RoomName, Sequence
from opsroom_contracts.serialization.versions import StoredContract

FOLLOWED_MAX = 200
"""How many threads a person follows at most. The one that was read longest ago makes room for another."""
THREADS_PAGE = 50
"""The maximum number of threads on one page."""


class ThreadPosition(Model):
    """Up to where somebody has read a thread, and what was unread when this was stored.

    ``following``: without it, they have stopped following the thread, and only their own reply or a mention
    makes them follow it again. ``unread``: replies of others after ``read`` and up to ``as_of``.
    """

    room: RoomName
    following: bool = True
    read: Sequence
    unread: UnreadCount = 0
    as_of: Sequence


class FollowedThreads(Model):
    """The threads of one person by the ids of their first messages, on ``chat.threads.<user>``.

    ``epoch``: that of ``CHAT``. Positions of another epoch are void: the sequences may stand for other
    messages. What is followed stays.
    """

    version: Literal[1] = 1
    user_id: Identifier
    epoch: Epoch | None = None
    threads: dict[Identifier, ThreadPosition] = Field(default_factory=dict, max_length=FOLLOWED_MAX)


class ThreadUnread(Model):
    """What one person has not read in the thread of the message ``id``.

    ``read``: their position. ``unread``: replies of others after it; the count ends at 999. ``as_of``: it
    includes replies up to this sequence. To keep it right, a client adds each reply of others with a higher
    one.
    """

    room: RoomName
    id: Identifier
    following: bool = True
    read: Sequence
    unread: UnreadCount = 0
    as_of: Sequence


class ThreadsUnread(Model):
    """What one person has not read in the threads that they follow.

    ``as_of``: the highest sequence of all counts. ``epoch``: that of the message stream.
    """

    as_of: Sequence
    epoch: Epoch | None = None
    threads: Annotated[tuple[ThreadUnread, ...], Field(max_length=FOLLOWED_MAX)]


class FollowedThread(Model):
    """A thread that somebody follows: its first message, its last reply, and what is unread in it."""

    root: Message
    last: Message
    read: Sequence
    unread: UnreadCount = 0


class ThreadsReply(Model):
    """Followed threads, the one with the newest reply first.

    ``next``: the ``before`` of the next page, if there is one. ``as_of``: as in the history.
    """

    threads: Annotated[tuple[FollowedThread, ...], Field(max_length=THREADS_PAGE)]
    next: Sequence | None = None
    as_of: Sequence


class ThreadsRequest(Model):
    """Get a page of the threads that a person follows: those whose last reply is before ``before``."""

    user_id: Identifier
    before: Sequence | None = None
    limit: Annotated[int, Field(ge=1, le=THREADS_PAGE)] = 20


class ThreadsUnreadRequest(Model):
    """Count what a person has not read in threads that they follow.

    ``at_least``: the counts must include replies up to this sequence.
    """

    user_id: Identifier
    at_least: Sequence = 0


class FollowRequest(Model):
    """Follow the thread of the message ``id``, or with ``on`` false stop following it.

    Who follows a thread by choice has read what it has by then.
    """

    user_id: Identifier
    room: RoomName
    id: Identifier
    on: bool = True


class ReadThreadRequest(Model):
    """Note that a person has read a followed thread up to ``seq``; a lower position changes nothing."""

    user_id: Identifier
    room: RoomName
    id: Identifier
    seq: Sequence


FOLLOWED_THREADS = StoredContract(FollowedThreads)
"""Followed threads, and what is unread in them."""
