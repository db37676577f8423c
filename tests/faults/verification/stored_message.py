"""A message as the stream holds it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message that the stream held; ``at``: when the broker stored it. ``text``: its digest.

    ``removes``: it is a tombstone, and this is the sequence of the removed message. ``key`` is that of the
    removed message then, or empty if nobody knows it.

    ``user``: the author's id. ``ident``: the message's. ``members``: the sequence of ``MEMBERS`` up to which
    the sender's membership was known; 0: everybody is in the room. ``thread``: the id of the message that
    this one replies to; ``hidden``: only the thread shows it. ``files``: ids. ``mentions``: who is mentioned.
    """

    seq: int
    key: str
    at: float = 0.0
    room: str = "general"
    author: str = ""
    text: str = ""
    removes: int | None = None
    user: str = ""
    ident: str = ""
    members: int = 0
    thread: str = ""
    hidden: bool = False
    files: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
