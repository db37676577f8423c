"""What readers of a stream saw. Times are seconds since the epoch."""

from dataclasses import dataclass, field
from math import inf

from tests.faults.verification.seqs import Arrivals, Seqs


@dataclass(slots=True)
class Segment:
    """A segment of a reader's stream: everything after ``after``, as it arrived.

    ``reset``: it began with a reset, because the server could not replay the gap. ``fresh``: the reader asked
    for no replay. ``where``: the gateway. ``opened``, ``closed``: when; 0 and infinite: unknown. ``known``,
    ``epoch``: the epochs of the position that the reader came with, and of the stream that it was served.
    ``user``: the reader's id. ``idle``: the last sequence up to which the server said that there was nothing
    more for this reader.
    """

    after: int
    seqs: Seqs = field(default_factory=Seqs)
    reset: bool = False
    fresh: bool = False
    where: str = ""
    opened: float = 0.0
    closed: float = inf
    known: str = ""
    epoch: str = ""
    user: str = ""
    idle: int = -1
    arrivals: Arrivals = field(default_factory=Arrivals)

    @property
    def renewed(self) -> bool:
        """Whether the stream had another epoch than the reader knew."""
        return bool(self.known and self.epoch) and self.known != self.epoch

    @property
    def last(self) -> int:
        """The position from which the reader resumes: the last sequence number seen, or ``after``."""
        return max(self.seqs.last, self.idle) if max(self.seqs.last, self.idle) >= 0 else self.after


@dataclass(slots=True)
class Reader:
    """All that a reader of a stream saw; ``stayed``: it was connected at the end."""

    name: str
    segments: list[Segment] = field(default_factory=list)
    stayed: bool = False
