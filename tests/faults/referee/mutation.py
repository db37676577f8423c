"""What mutations of a history share."""

import random
from collections.abc import Callable

from tests.faults.verification.history import History
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.seqs import Seqs
from tests.faults.verification.stored_message import StoredMessage

Mutation = Callable[[History, random.Random], None]
"""Changes a correct history, at random where there is a choice."""


def drop_seqs(segment: Segment, dropped: set[int]) -> None:
    """Let a reader miss some numbers."""
    segment.seqs = Seqs(seq for seq in segment.seqs if seq not in dropped)


def long_segment(readers: list[Reader]) -> Segment:
    """Return the segment with the most numbers."""
    return max((one for reader in readers for one in reader.segments), key=lambda one: len(one.seqs))


def plain(history: History) -> list[StoredMessage]:
    """Return the messages that were never removed."""
    removed = {removal.seq for removal in history.chat.removals}
    return [one for one in history.chat.messages if one.removes is None and one.seq not in removed]
