"""The position of a reader in a stream, from which it resumes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self


class Positioned(Protocol):
    """A list, welcome or reset of the server."""

    @property
    def seq(self) -> int:
        """The sequence."""

    @property
    def epoch(self) -> str | None:
        """The epoch; None: the server is of an earlier release."""

    @property
    def timestamp(self) -> datetime | None:
        """The timestamp of the event at ``seq``, if the server has it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader is: ``seq``, and what shows the server that it still has the same events.

    ``epoch`` and ``timestamp`` let the server notice that it was restored from a backup, or that its data was
    deleted; it then sends a reset.
    """

    seq: int
    epoch: str | None = None
    timestamp: datetime | None = None

    @classmethod
    def of(cls, positioned: Positioned) -> Self:
        """The position that a list, welcome or reset names."""
        return cls(positioned.seq, positioned.epoch, positioned.timestamp)

    def after(self, seq: int, timestamp: datetime) -> "Position":
        """The position after an event of the same epoch."""
        return Position(seq, self.epoch, timestamp)


def position_from(since: int | Position) -> Position:
    """``since`` as a position."""
    return since if isinstance(since, Position) else Position(since)
