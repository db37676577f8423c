"""The messages of all rooms, read once for this process and sent to the readers of each API."""

import asyncio
import logging
from datetime import datetime
from time import time
from typing import Protocol

from opsroom_contracts.chat.events import CHAT_EVENT, ChatEvent, MessageEvent, frame_of, replaced_seq
from opsroom_contracts.chat.frames import ResetFrame
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.metrics import Histogram

_BUFFER_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class MessageEncoder(Protocol):
    """The messages in the format of another API, for its readers."""

    readers: Broadcaster

    def encode(self, event: MessageEvent) -> bytes:
        """Return the frame for the readers; empty if they get none.

        Raises:
            ContractError: the message is malformed; no reader of any API gets it.
        """
        ...


class MessageProjection:
    """Applies stored messages, and publishes them to the readers of each API."""

    def __init__(self, start: int, ring_messages: int, latency: Histogram | None = None) -> None:
        """``latency`` measures the time from a message's timestamp until it is written to all readers."""
        self._latency = latency
        self._timed: datetime | None = None
        self.readers = Broadcaster()
        self.buffer = ReplayBuffer(ring_messages, _BUFFER_BYTES)
        self.head = start - 1
        self.malformed = 0
        self._encoders: list[MessageEncoder] = []
        self._start = start
        self._started = False
        self.buffer.restart(start)

    def add_encoder(self, encoder: MessageEncoder) -> None:
        """Send new messages to the readers of ``encoder``, too."""
        self._encoders.append(encoder)

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
            encoded = self._encode(event) if isinstance(event, MessageEvent) else []
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        replaced = replaced_seq(event)
        if replaced is not None:
            self.buffer.redact(replaced)  # no replay may contain its text
        frame = encoded_frame(event, message.seq)
        self.buffer.put(message.seq, frame)
        self.readers.publish(frame)
        for readers, other_frame in encoded:
            if other_frame:
                readers.publish(other_frame)
        if isinstance(event, MessageEvent) and self._latency is not None and self._timed is None:
            # One sample per event-loop iteration, taken after the broadcasters have written.
            self._timed = event.timestamp
            asyncio.get_running_loop().call_soon(self._observe, self._latency, event.timestamp)

    def _encode(self, event: MessageEvent) -> list[tuple[Broadcaster, bytes]]:
        """Return the frames for readers of other APIs, which have new messages only."""
        return [(encoder.readers, encoder.encode(event)) for encoder in self._encoders]

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
