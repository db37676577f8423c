"""What the broker says about a message that a consumer delivers: a reply subject with the numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from nats.aio.msg import Msg

from opsroom_messaging.jetstream.stream_position import Known
from opsroom_messaging.jetstream.stream_reader import StreamMessage


@dataclass(frozen=True, slots=True)
class Delivery:
    """The numbers of a delivery: the message in its stream, its place in the consumer, the rest."""

    known: Known
    consumer_seq: int
    pending: int

    @classmethod
    def parse(cls, message: Msg) -> Self:
        """Read the numbers of ``message``."""
        fields = message.reply.split(".")
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[...]
        offset = 2 if len(fields) == 9 else 4
        stream_seq, consumer_seq, stored_ns, pending = fields[offset + 3 : offset + 7]
        return cls(Known(int(stream_seq), int(stored_ns)), int(consumer_seq), int(pending))

    def message(self, message: Msg) -> StreamMessage:
        """Return ``message`` as a message of its stream."""
        stored_at = datetime.fromtimestamp(self.known.stored_ns / 1e9, UTC)
        return StreamMessage(self.known.seq, message.subject, message.data, self.pending, stored_at)
