"""A stream handler that records its calls, and a function that fills a stream."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.writes import Write


class Recorder:
    """A handler that records its calls.

    ``restarts``: whether each was a reset. ``renewals``: the length of ``seen`` at each renewal.
    ``starts_over``: its reply when the stream begins later than before.
    """

    def __init__(self, *, starts_over: bool = False) -> None:
        self.seen: list[int] = []
        self.restarts: list[bool] = []
        self.renewals: list[int] = []
        self.synced_at: list[int] = []
        self.epoch: str | None = None
        self._starts_over = starts_over

    def on_restart(self, restart: Restart) -> None:
        """Record it."""
        self.restarts.append(restart.reset)
        self.epoch = restart.epoch
        if restart.renewed:
            self.renewals.append(len(self.seen))

    def on_message(self, message: StreamMessage) -> None:
        """Record the sequence; fail on a message ``bad``."""
        self.seen.append(message.seq)
        if message.data == b"bad":
            raise ValueError("a handler that fails")

    def on_synced(self) -> None:
        """Record how many messages were seen."""
        self.synced_at.append(len(self.seen))

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        """Reply what the test wants."""
        return self._starts_over


async def fill(writer: BatchWriter, count: int, subject: Callable[[int], str] = "s.{}".format) -> None:
    """Store ``count`` empty messages at once."""
    await asyncio.gather(*(writer.write(Write(subject(n), b"")) for n in range(count)))
