"""The messages of all rooms, read once for this process and sent to readers of both APIs."""

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
from opsroom_runtime.metrics import Histogram

_BUFFER_BYTES = 16 * 1024 * 1024
COURSE_ROOM = "general"
"""The only room that the course contract has."""

log = logging.getLogger(__name__)


class MessageProjection:
    """Applies stored messages, and publishes them to the readers of each API."""

    def __init__(self, start: int, ring_messages: int, latency: Histogram | None = None) -> None:
        """``latency`` measures the time from a message's timestamp until it is written to all readers."""
        self._latency = latency
        self._timed: datetime | None = None
        self.readers = Broadcaster()
        self.course_readers = Broadcaster()
        self.buffer = ReplayBuffer(ring_messages, _BUFFER_BYTES)
        self.head = start - 1
        self.malformed = 0
        self._start = start
        self._started = False
        self.buffer.restart(start)

    def on_restart(self, *, reset: bool) -> None:
        """Continue, or (``fresh``, the stream could not be resumed) make every reader refetch."""
        if reset and self._started:
            self.head = 0
            self.buffer.restart(1)
            self.readers.publish(text_frame(encode(ResetFrame(seq=0))))
        self._started = True

    def on_message(self, message: StreamMessage) -> None:
        """Publish one message. Messages that violate their contract are skipped, counted and logged."""
        self.head = message.seq
        try:
            event = CHAT_EVENT.read(message.data)
            if isinstance(event, MessageRemoved):
                self._on_removed(event, message.seq)
                return
            # Even without readers a relayed frame is decoded, to find a malformed one.
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
        if self._latency is not None and self._timed is None:
            # One sample per event-loop iteration, taken after the broadcasters have written.
            self._timed = event.timestamp
            asyncio.get_running_loop().call_soon(self._observe, self._latency, event.timestamp)

    def _on_removed(self, event: MessageRemoved, seq: int) -> None:
        """Redact the message: no replay may contain its text. The course contract has no such frame."""
        self.buffer.redact(event.message_seq)
        frame = encoded_frame(event, seq)
        self.buffer.put(seq, frame)
        self.readers.publish(frame)

    def _observe(self, latency: Histogram, timestamp: datetime) -> None:
        self._timed = None
        latency.observe(max(0.0, time() - timestamp.timestamp()), "chat")

    def on_synced(self) -> None:
        """Do nothing: the replay buffer fills as messages arrive."""


def encoded_frame(event: ChatEvent, seq: int) -> bytes:
    """Return the WebSocket frame of a stored event."""
    return text_frame(encode(frame_of(event, seq)))


def render_message(stored: StreamMessage) -> bytes:
    """Return the frame of a stored event; empty if the event violates its contract."""
    try:
        event = CHAT_EVENT.read(stored.data)
    except ContractError:
        return b""
    return encoded_frame(event, stored.seq)


def course_frame(event: MessageEvent) -> bytes:
    """Return a message for clients of the course contract: their own frames unchanged, others converted.

    Raises:
        ContractError: the stored original frame is not base64.
    """
    if event.raw is not None:
        return _original_frame(event.raw)
    sender = LegacyUser(id=event.user.id, name=event.user.name)
    return text_frame(encode(CourseOutgoing(message=event.text, user=sender)))


def _original_frame(raw: LegacyFrame) -> bytes:
    if not raw.binary:
        return text_frame(raw.data.encode())
    try:
        return binary_frame(base64.b64decode(raw.data, validate=True))
    except binascii.Error as error:
        raise ContractError("raw.data", str(error)) from None
