"""Whether a stream is still the one that a subscription has read, at restarts and while it runs."""

import logging

from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_epoch import epoch_of
from opsroom_messaging.jetstream.stream_handler import Restart, StreamHandler
from opsroom_messaging.jetstream.stream_position import (
    Continuity,
    Known,
    ResumeCheck,
    ResumePoint,
    StreamPosition,
    trim_horizon,
)

_BEHIND_MAX = 10
"""This many attempts to restart may find the stream behind the position, while a new leader catches up."""

log = logging.getLogger(__name__)


class StreamBehindError(Exception):
    """The stream ends before the position; it may still be catching up."""


class StreamContinuity:
    """Compares a stream with the position in it.

    ``newest``: how many of the newest sequences to start with after a reset; None: all. ``always_resets``:
    every restart is a reset. ``resume``: where to start, if the stream is still that one.

    Attributes:
        position: the position; the subscription advances it.
    """

    def __init__(
        self,
        broker: NatsConnection,
        stream: str,
        *,
        newest: int | None,
        always_resets: bool,
        resume: ResumePoint | None = None,
    ) -> None:
        self.position = StreamPosition()
        if resume is not None:
            self.position.restore(resume)
        self._broker = broker
        self._stream = stream
        self._newest = newest
        self._always_resets = always_resets
        self._first_seq = 0
        self._behind = 0
        self._start_over = False

    def start_over(self) -> None:
        """Make the next restart a reset."""
        self._start_over = True

    async def restart(self) -> tuple[Restart, ResumeCheck | None]:
        """Decide how to restart; a resume may need a check of the first message.

        Raises:
            StreamBehindError: the stream ends before the position; try again.
            NotFoundError: there is no such stream.
        """
        info = await self._broker.jetstream.stream_info(self._stream)
        if await self._is_other_message(self.position.known):
            self.position.disprove()
        continuity = self._confirmed(self.position.compare(info), info)
        renewed = continuity is Continuity.OTHER
        reset = continuity is not Continuity.SAME or self._always_resets or self._start_over
        self._start_over = False
        self._first_seq = info.state.first_seq
        check = None
        if reset:
            self.position.start(info, self._start_of(info) - 1)
        else:
            check = self.position.resume_check(info)
            self.position.resume(info)
        next_seq, epoch = self.position.seq + 1, self.position.epoch
        return Restart(reset=reset, renewed=renewed, next_seq=next_seq, epoch=epoch), check

    async def _is_other_message(self, known: Known | None) -> bool:
        """Return whether another message than ``known`` has its sequence.

        The consumer does not show that if the other one is on a subject that it does not read.
        """
        if known is None or self._always_resets:
            return False
        try:
            stored = await self._broker.jetstream.get_msg(self._stream, known.seq)
        except NotFoundError:
            return False  # erased, or not there yet; or the stream is gone, which the consumer will show
        return stored.time is not None and known.differs_from(stored.time)

    async def has_changed(self, handler: StreamHandler) -> bool:
        """Return whether the stream was replaced, or purged of something that ``handler`` still has."""
        seq = self.position.seq
        info = await self._broker.jetstream.stream_info(self._stream)
        if self.position.is_recreated(info) or self.position.compare(info) is Continuity.OTHER:
            return True
        if info.state.last_seq < seq:
            self._behind += 1
            return self._behind > 1
        self._behind = 0
        if self.position.epoch is None and epoch_of(info) is not None:
            return True  # the first process of this release has stored one
        if info.state.first_seq > self._first_seq:
            self._first_seq = info.state.first_seq
            self._start_over = handler.on_trimmed(self._first_seq, trim_horizon(info))
        return self._start_over

    def _confirmed(self, continuity: Continuity, info: StreamInfo) -> Continuity:
        """Return ``continuity``; a stream that stays behind is another one."""
        if continuity is Continuity.BEHIND:
            self._behind += 1
            if self._behind < _BEHIND_MAX:
                raise StreamBehindError(f"it ends at {info.state.last_seq}, before {self.position.seq}")
            continuity = Continuity.OTHER
        self._behind = 0
        if continuity is Continuity.OTHER:
            log.warning("stream %s was created again or restored; starting over", self._stream)
        elif continuity is Continuity.GAP:
            log.warning("stream %s no longer has sequence %d", self._stream, self.position.seq + 1)
        return continuity

    def _start_of(self, info: StreamInfo) -> int:
        """Return the first sequence to read after a reset."""
        first = max(info.state.first_seq, 1)
        return first if self._newest is None else max(first, info.state.last_seq - self._newest + 1)
