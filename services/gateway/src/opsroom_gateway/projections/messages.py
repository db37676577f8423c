"""The messages of all rooms, followed once for this process and fanned out in both dialects."""

import asyncio
import base64
import binascii
import logging
from datetime import datetime
from time import time

from opsroom_contracts.chat import LegacyFrame
from opsroom_contracts.chat_events import CHAT_EVENT, ChatEvent, MessageEvent, MessageRemoved, frame_of
from opsroom_contracts.codec import ContractError, encode
from opsroom_contracts.frames import ResetFrame
from opsroom_contracts.legacy import CourseOutgoing, LegacyUser
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_gateway.transport.encoding import binary_frame, text_frame
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.runtime.metrics import Histogram

_RING_BYTES = 16 * 1024 * 1024
COURSE_ROOM = "general"
"""The one room that the course contract knows."""

log = logging.getLogger(__name__)


class MessageProjection:
    """Takes in stored messages; its hubs write them to the readers of each dialect."""

    def __init__(self, start: int, ring_messages: int, latency: Histogram | None = None) -> None:
        """``latency`` measures how long messages take to all readers."""
        self._latency = latency
        self._stamped: datetime | None = None
        self.readers = Broadcaster()
        self.course_readers = Broadcaster()
        self.buffer = ReplayBuffer(ring_messages, _RING_BYTES)
        self.head = start - 1
        self.malformed = 0
        self._start = start
        self._begun = False
        self.buffer.restart(start)

    def on_restart(self, *, fresh: bool) -> None:
        """Go on; or, where the stream could not be resumed, tell every reader to fetch anew."""
        if fresh and self._begun:
            self.head = 0
            self.buffer.restart(1)
            self.readers.publish(text_frame(encode(ResetFrame(seq=0))))
        self._begun = True

    def on_message(self, message: StreamMessage) -> None:
        """Fan out one message; what does not fit its contract is skipped, counted and logged."""
        self.head = message.seq
        try:
            event = CHAT_EVENT.read(message.data)
            if isinstance(event, MessageRemoved):
                self._remove(event, message.seq)
                return
            # Without readers it is made only to be checked, where anything in it could be wrong.
            course = course_frame(event) if len(self.course_readers) or event.raw is not None else b""
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        frame = encoded_frame(event, message.seq)
        self.buffer.put(message.seq, frame)
        self.readers.publish(frame)
        if event.room == COURSE_ROOM:
            self.course_readers.publish(course)
        if self._latency is not None and self._stamped is None:
            # One measure for all messages of a turn; behind the hubs, which write at its end.
            self._stamped = event.timestamp
            asyncio.get_running_loop().call_soon(self._observe, self._latency, event.timestamp)

    def _remove(self, event: MessageRemoved, seq: int) -> None:
        """Nobody who comes back is told the text again. The course contract has no words for it."""
        self.buffer.drop(event.message_seq)
        frame = encoded_frame(event, seq)
        self.buffer.put(seq, frame)
        self.readers.publish(frame)

    def _observe(self, latency: Histogram, stamped: datetime) -> None:
        self._stamped = None
        latency.observe(max(0.0, time() - stamped.timestamp()), "chat")

    def on_synced(self) -> None:
        """Nothing to do: the replay buffer fills as messages come."""


def encoded_frame(event: ChatEvent, seq: int) -> bytes:
    """The WebSocket frame of a stored event."""
    return text_frame(encode(frame_of(event, seq)))


def render_message(stored: StreamMessage) -> bytes:
    """The frame of an event that was read back; empty if it does not fit its contract."""
    try:
        event = CHAT_EVENT.read(stored.data)
    except ContractError:
        return b""
    return encoded_frame(event, stored.seq)


def course_frame(event: MessageEvent) -> bytes:
    """What clients of the course contract see: their own frames byte for byte, ours in the shape they know.

    Raises:
        ContractError: the kept frame is not base64.
    """
    if event.raw is not None:
        return _relayed(event.raw)
    sender = LegacyUser(id=event.user.id, name=event.user.name)
    return text_frame(encode(CourseOutgoing(message=event.text, user=sender)))


def _relayed(raw: LegacyFrame) -> bytes:
    if not raw.binary:
        return text_frame(raw.data.encode())
    try:
        return binary_frame(base64.b64decode(raw.data, validate=True))
    except binascii.Error as error:
        raise ContractError("raw.data", str(error)) from None
