"""The position of a subscription in its stream, and whether the stream is still the one that it has read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from nats.js.api import StreamInfo

from opsroom_messaging.jetstream.stream_epoch import epoch_of

_EXPIRY_TOLERANCE = timedelta(minutes=5)
"""How far the clocks of the broker and of this process may differ."""
_SAME_NS = 1_000_000
"""Times that differ by less are equal: the client reads them in microseconds, and not always exactly."""
_FULL = 0.8
"""A stream with this part of its maximum size may have dropped its oldest messages."""


class Continuity(Enum):
    """How a stream relates to what a subscription has read of it."""

    FIRST = "first"
    """Nothing was read yet."""
    SAME = "same"
    """It continues after the position, as far as its bounds show."""
    GAP = "gap"
    """The message after the position is gone."""
    BEHIND = "behind"
    """It ends before the position: it was restored, or a new leader has not caught up yet."""
    OTHER = "other"
    """It was deleted and created again, or restored: sequences no longer mean the same messages."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message that was delivered: its sequence, and when the broker stored it, in ns since 1970."""

    seq: int
    stored_ns: int

    def differs_from(self, stored: datetime) -> bool:
        """Return whether the message at this sequence, stored at ``stored``, is another one."""
        return abs(stored.timestamp() * 1e9 - self.stored_ns) > _SAME_NS


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A position that outlives a process: what it has read, and of which stream."""

    epoch: str
    created: datetime
    known: Known


class StreamPosition:
    """The last message that was delivered, and the stream's epoch and time of creation at that moment.

    Attributes:
        seq: the last sequence delivered, or the one before the first that will be.
        epoch: the stream's epoch, if it has one.
        known: the last message delivered; None: no message yet, so nothing can be compared.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.epoch: str | None = None
        self.known: Known | None = None
        self._created: datetime | None = None
        self._is_other = False

    def advance(self, known: Known) -> None:
        """Note a delivered message."""
        self.seq = known.seq
        self.known = known

    def disprove(self) -> None:
        """Note that the message at the position is another one: the stream is not the same."""
        self._is_other = True

    @property
    def resume_point(self) -> ResumePoint | None:
        """Where another process may resume; None: this can't be checked later."""
        if self.epoch is None or self._created is None or self.known is None or self._is_other:
            return None
        return ResumePoint(self.epoch, self._created, self.known)

    def restore(self, point: ResumePoint) -> None:
        """Continue where another process was."""
        self.seq, self.known = point.known.seq, point.known
        self.epoch, self._created = point.epoch, point.created

    def is_recreated(self, info: StreamInfo) -> bool:
        """Return whether the stream has another time of creation.

        This alone is no proof: the nodes of a cluster report different ones for a stream that was restored.
        """
        return self._created is not None and self._created != info.created

    def compare(self, info: StreamInfo) -> Continuity:
        """Compare the position with the stream."""
        if self._created is None:
            return Continuity.FIRST
        epoch, recreated = epoch_of(info), self.is_recreated(info)
        if self._is_other or (self.epoch is not None and epoch is not None and self.epoch != epoch):
            return Continuity.OTHER
        if recreated and (self.known is None or info.state.last_seq < self.seq):
            return Continuity.OTHER
        if info.state.last_seq < self.seq:
            return Continuity.BEHIND
        return Continuity.GAP if info.state.first_seq > self.seq + 1 else Continuity.SAME

    def resume_check(self, info: StreamInfo) -> "ResumeCheck | None":
        """Return the check of the first message after a resume; None: there is nothing to compare."""
        return None if self.known is None else ResumeCheck(self.known, required=self.is_recreated(info))

    def resume(self, info: StreamInfo) -> None:
        """Continue in this stream."""
        self._created = info.created
        self.epoch = epoch_of(info) or self.epoch

    def start(self, info: StreamInfo, seq: int) -> None:
        """Start over after ``seq``, in a stream that may be another one."""
        self.seq = seq
        self.known = None
        self.epoch = epoch_of(info)
        self._created = info.created
        self._is_other = False


@dataclass(frozen=True, slots=True)
class ResumeCheck:
    """The check, at a restart, that the stream still has the message at the position.

    ``required``: without that message, the stream counts as another one. Otherwise it may have been erased.
    """

    known: Known
    required: bool

    def disproved_by(self, first: Known) -> bool:
        """Return whether ``first``, the first message from the position on, belongs to another stream."""
        return first != self.known and (self.required or first.seq == self.known.seq)


def trim_horizon(info: StreamInfo) -> datetime:
    """Return the time before which messages may have expired or been dropped; later ones were purged."""
    limit = info.config.max_bytes or 0
    if limit > 0 and info.state.bytes > limit * _FULL:
        return datetime.max.replace(tzinfo=UTC)
    if not info.config.max_age:
        return datetime.min.replace(tzinfo=UTC)
    age = timedelta(seconds=info.config.max_age)
    return datetime.now(UTC) - age + min(_EXPIRY_TOLERANCE, age / 2)
