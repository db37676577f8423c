"""The port between a subscription and what it feeds: projections, and other handlers of messages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from opsroom_messaging.jetstream.stream_reader import StreamMessage


@dataclass(frozen=True, slots=True)
class Restart:
    """How a subscription (re)starts.

    Attributes:
        reset: discard the state; else the messages continue.
        renewed: the stream is another one than before, so earlier sequences mean other messages. Implies
            ``reset``.
        next_seq: no message below this sequence is delivered.
        epoch: the stream's epoch; None: a stream of an earlier release.
    """

    reset: bool
    renewed: bool = False
    next_seq: int = 1
    epoch: str | None = None


class StreamHandler(Protocol):
    """Receives the messages of a subscription. Called on the event loop, in order; must not block."""

    def on_restart(self, restart: Restart) -> None:
        """Called before each (re)start."""

    def on_message(self, message: StreamMessage) -> None:
        """Called for each message."""

    def on_synced(self) -> None:
        """Called when everything stored at the (re)start is delivered; later messages are new."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        """Called when the stream begins later than before. Returns whether to start over.

        ``first_seq``: the first sequence that the stream still has. What was stored before ``horizon`` may
        have expired; anything later was purged.
        """
