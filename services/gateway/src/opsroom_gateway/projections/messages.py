"""The messages of all rooms, read once for this process and sent to the readers of each API."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Protocol

from opsroom_contracts.chat.events import CHAT_EVENT, ChatEvent, MessageEvent, frame_of, replaced_seq
from opsroom_contracts.chat.frames import ResetFrame
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import Frame, ReplayBuffer
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.jetstream.stream_handler import Restart
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
    """Applies stored messages, and publishes them to the readers of each API.

    After a reset it fills the replay buffer with the newest messages, and then makes all readers refetch.
    """

    def __init__(self, ring_messages: int, readers: RoomReaders, latency: Histogram | None = None) -> None:
        """``latency`` measures the time from a message's timestamp until it is written to all readers."""
        self._latency = latency
        self._timed: datetime | None = None
        self.readers = readers
        self.buffer = ReplayBuffer(ring_messages, _BUFFER_BYTES)
        self.head = 0
        self.head_timestamp: datetime | None = None
        self.epoch: str | None = None
        self.malformed = 0
        self._encoders: list[MessageEncoder] = []
        self._reset_watchers: list[Callable[[], None]] = []
        self._live = False
        self._was_live = False
        self._newest = (datetime.min.replace(tzinfo=UTC), 0)
        """When the newest message was stored, and its sequence: those of one batch were stored at once."""

    def add_encoder(self, encoder: MessageEncoder) -> None:
        """Send new messages to the readers of ``encoder``, too."""
        self._encoders.append(encoder)

    def watch_resets(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` whenever all readers have to refetch."""
        self._reset_watchers.append(watcher)

    def is_of_other_epoch(self, epoch: str | None) -> bool:
        """Whether sequences of ``epoch`` are known not to be those of the messages here."""
        return None not in {epoch, self.epoch} and epoch != self.epoch

    def on_restart(self, restart: Restart) -> None:
        """Continue, or start over if the stream can't be resumed or is another one."""
        self.epoch = restart.epoch
        if restart.reset:
            self._live = False
            self.head = restart.next_seq - 1
            self.head_timestamp = None
            self.buffer.restart(restart.next_seq)

    def on_message(self, message: StreamMessage) -> None:
        """Publish one message. Messages that violate their contract are skipped, counted and logged."""
        self.head, self.head_timestamp = message.seq, None
        # Readers of other APIs can't refetch: after a reset they get what they have not seen.
        stored = message.at, message.seq
        is_new = self._live or (self._was_live and stored > self._newest)
        self._newest = max(self._newest, stored)
        try:
            event = CHAT_EVENT.read(message.data)
            encoded = self._encode(event) if isinstance(event, MessageEvent) else []
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        self.head_timestamp = event.timestamp
        replaced = replaced_seq(event)
        if replaced is not None:
            self.buffer.redact(replaced)  # no replay may contain its text
        frame = encoded_frame(event, message.seq)
        self.buffer.put(frame)
        for readers, other_frame in encoded:
            if other_frame and is_new:
                readers.publish(other_frame)
        if self._live:
            self.readers.publish(event.room, frame.data)
            self._measure(event)

    def _measure(self, event: ChatEvent) -> None:
        """Take one latency sample per event-loop iteration, after the broadcasters have written."""
        if isinstance(event, MessageEvent) and self._latency is not None and self._timed is None:
            self._timed = event.timestamp
            asyncio.get_running_loop().call_soon(self._observe, self._latency, event.timestamp)

    def _encode(self, event: MessageEvent) -> list[tuple[Broadcaster, bytes]]:
        """Return the frames for readers of other APIs, which have new messages only."""
        return [(encoder.readers, encoder.encode(event)) for encoder in self._encoders]

    def _observe(self, latency: Histogram, timestamp: datetime) -> None:
        self._timed = None
        latency.observe(max(0.0, time() - timestamp.timestamp()), "chat")

    def on_synced(self) -> None:
        """Go live; readers from before a reset must refetch."""
        if not self._live and self._was_live:
            reset = ResetFrame(seq=self.head, epoch=self.epoch, timestamp=self.head_timestamp)
            self.readers.publish_to_all(text_frame(encode(reset)))
            for watcher in self._reset_watchers:
                watcher()
        self._live = self._was_live = True

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        """Drop frames that the stream no longer has. Start over if some were purged."""
        if self.head < first_seq:
            self.head_timestamp = None
        last = self.buffer.trim(first_seq)
        return last is not None and last > horizon


def encoded_frame(event: ChatEvent, seq: int) -> Frame:
    """Return the WebSocket frame of a stored event."""
    return Frame(seq, text_frame(encode(frame_of(event, seq))), event.timestamp, event.room)


def render_message(stored: StreamMessage) -> Frame:
    """Return the frame of a stored event; empty if the event violates its contract."""
    try:
        event = CHAT_EVENT.read(stored.data)
    except ContractError:
        return Frame(stored.seq, b"")
    return encoded_frame(event, stored.seq)
