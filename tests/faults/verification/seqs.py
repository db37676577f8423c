"""Sequence numbers in order of arrival."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Seqs:
    """Sequence numbers in order of arrival, stored without loss as runs of consecutive numbers.

    The readers of a run see tens of millions of messages, nearly all of them consecutive.
    """

    __slots__ = ("_firsts", "_lasts", "last")

    def __init__(self, seqs: Iterable[int] = ()) -> None:
        self._firsts = array("q")
        self._lasts = array("q")
        """Those of all runs except the current one."""
        self.last = -1
        for seq in seqs:
            self.append(seq)

    def append(self, seq: int) -> None:
        """Append the next sequence number."""
        if seq != self.last + 1 or not self._firsts:
            if self._firsts:
                self._lasts.append(self.last)
            self._firsts.append(seq)
        self.last = seq

    def runs(self) -> list[tuple[int, int]]:
        """Return the first and last number of each run."""
        return list(zip(self._firsts, self._ends(), strict=True))

    def within(self, after: int, end: int) -> list[tuple[int, int]]:
        """Return the runs of the numbers past ``after`` up to ``end``. They must be ascending."""
        lasts = self._ends()
        found = []
        for place in range(bisect_left(lasts, after + 1), len(lasts)):
            first, last = max(self._firsts[place], after + 1), min(lasts[place], end)
            if first > end:
                break
            found.append((first, last))
        return found

    def most(self) -> int | None:
        """Return the maximum; None if there is none."""
        return max(self._ends(), default=None)

    def without(self, seqs: Iterable[int]) -> "Seqs":
        """Return the numbers that are not in ``seqs``, in the same order."""
        excluded = set(seqs)
        return Seqs(seq for seq in self if seq not in excluded) if excluded else self

    def __iter__(self) -> Iterator[int]:
        for first, last in self.runs():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.runs())

    def _ends(self) -> "array[int]":
        return self._lasts + array("q", [self.last] if self._firsts else [])


class Arrivals:
    """When a reader had received up to which number: samples, at most two every half second.

    Between two samples that are further apart than that, nothing arrived.
    """

    __slots__ = ("_previous", "_seqs", "_times")

    EVERY_SECONDS = 0.5

    def __init__(self) -> None:
        self._times = array("d")
        self._seqs = array("q")
        self._previous = (0.0, 0)

    def arrived(self, seq: int, at: float) -> None:
        """Record that ``seq`` arrived at ``at``."""
        if not self._times or at - self._times[-1] >= self.EVERY_SECONDS:
            if self._times and self._previous[0] > self._times[-1]:
                self._append(*self._previous)
            self._append(at, seq)
        self._previous = (at, seq)

    def samples(self) -> list[tuple[float, int]]:
        """Return times and numbers, the last arrival included."""
        found = list(zip(self._times, self._seqs, strict=True))
        return [*found, self._previous] if found and self._previous[0] > found[-1][0] else found

    def _append(self, at: float, seq: int) -> None:
        self._times.append(at)
        self._seqs.append(seq)
