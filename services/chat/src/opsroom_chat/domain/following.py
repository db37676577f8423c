"""Rules of followed threads. Pure: each returns all threads of a person after a change.

None: nothing has to change. Threads are given by the ids of their first messages.
"""

from collections.abc import Mapping

from opsroom_contracts.chat.threads import FOLLOWED_MAX, FollowedThreads, ThreadPosition

Threads = Mapping[str, ThreadPosition]


def current(record: FollowedThreads | None, epoch: str | None, head: int) -> Threads:
    """Return the threads of a record.

    If it belongs to another life of the message stream, its positions are void: everything up to ``head``,
    the last sequence, counts as read.
    """
    if record is None:
        return {}
    if record.epoch == epoch:
        return record.threads
    void = {"read": head, "unread": 0, "as_of": head}
    return {thread: one.model_copy(update=void) for thread, one in record.threads.items()}


def existing(threads: Threads, end: int) -> Threads:
    """Return ``threads`` with positions in a stream that ends at ``end``; higher ones are of another life."""
    void = {"read": end, "unread": 0, "as_of": end}
    return {
        thread: one if one.read <= end else one.model_copy(update=void) for thread, one in threads.items()
    }


def followed(threads: Threads, thread: str, room: str, head: int, *, again: bool) -> Threads | None:
    """Follow a thread; what it has up to ``head`` is read.

    ``again``: also if the person has stopped following it.
    """
    known = threads.get(thread)
    if known is not None and (known.following or not again):
        return None
    read = head if known is None else max(known.read, head)
    return _with(threads, thread, ThreadPosition(room=room, read=read, as_of=read))


def unfollowed(threads: Threads, thread: str, head: int) -> Threads | None:
    """Stop following a thread.

    It stays known, so that a reply of others does not make the author of its first message follow it again.
    """
    known = threads.get(thread)
    if known is None or not known.following:
        return None
    read = max(known.read, head)
    return _with(threads, thread, ThreadPosition(room=known.room, following=False, read=read, as_of=read))


def read_to(threads: Threads, thread: str, seq: int, *, unread: int, as_of: int) -> Threads | None:
    """Note that a followed thread is read up to ``seq``; a position only rises.

    ``unread``: how many replies follow up to ``as_of``.
    """
    known = threads.get(thread)
    if known is None or not known.following or seq <= known.read:
        return None
    return _with(
        threads,
        thread,
        ThreadPosition(room=known.room, read=seq, unread=unread, as_of=max(seq, as_of)),
    )


def _with(threads: Threads, thread: str, position: ThreadPosition) -> Threads:
    """Return ``threads`` with a changed one. Of too many, one that is not followed goes, or else the one that
    was read longest ago."""
    after = {**threads, thread: position}
    while len(after) > FOLLOWED_MAX:
        others = (one for one in after if one != thread)
        del after[min(others, key=lambda one: (after[one].following, after[one].read))]
    return after
