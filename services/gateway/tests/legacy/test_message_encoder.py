"""Messages as course clients receive them, and stored frames that can't be relayed."""

import base64
from datetime import UTC, datetime

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import message_subject
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.legacy.message_encoder import LegacyMessageEncoder
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_gateway.transport.encoding import binary_frame, text_frame
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage


def event(raw: LegacyFrame | None, room: str = "general") -> MessageEvent:
    """Return a message, relayed if it has the frame ``raw``."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return MessageEvent(id="m", room=room, user=User(id="u", name="Ann"), text="hi", timestamp=at, raw=raw)


def test_a_relayed_frame_is_unchanged_and_has_no_readers_in_other_rooms() -> None:
    encoder = LegacyMessageEncoder()
    data = base64.b64encode(b"\x00{}").decode()
    assert encoder.encode(event(LegacyFrame(data='{"type":"send"}'))) == text_frame(b'{"type":"send"}')
    assert encoder.encode(event(LegacyFrame(data=data, binary=True))) == binary_frame(b"\x00{}")
    assert encoder.encode(event(LegacyFrame(data="{}"), room="ops")) == b""


def test_nothing_is_encoded_without_readers_except_a_relayed_frame() -> None:
    assert LegacyMessageEncoder().encode(event(None)) == b""


async def test_a_malformed_relayed_frame_is_skipped_for_all_readers() -> None:
    projection = MessageProjection(16, RoomReaders(RoomProjection()))
    projection.add_encoder(LegacyMessageEncoder())
    malformed = event(LegacyFrame(data="no base64!", binary=True))
    for seq, stored in enumerate((malformed, event(None)), start=1):
        projection.on_message(StreamMessage(seq, message_subject("general", "m"), encode(stored)))
    assert projection.malformed == 1
    assert projection.head == 2


class Published(Broadcaster):
    """Records what is published."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []

    def publish(self, frame: bytes) -> None:
        """Record a frame."""
        self.frames.append(frame)


def test_after_a_restart_readers_get_the_rest_of_a_batch_of_which_they_have_seen_the_beginning() -> None:
    encoder, projection = LegacyMessageEncoder(), MessageProjection(16, RoomReaders(RoomProjection()))
    encoder.readers = published = Published()
    projection.add_encoder(encoder)
    at = datetime(2026, 1, 1, tzinfo=UTC)  # the messages of a batch are stored at the same time
    batch = [
        StreamMessage(seq, message_subject("general", "m"), encode(event(LegacyFrame(data=str(seq)))), at=at)
        for seq in (1, 2, 3)
    ]
    projection.on_restart(Restart(reset=True))
    projection.on_synced()
    projection.on_message(batch[0])
    projection.on_restart(Restart(reset=True, renewed=True))
    for message in batch:
        projection.on_message(message)
    projection.on_synced()
    assert published.frames == [text_frame(str(seq).encode()) for seq in (1, 2, 3)]


def test_replies_have_readers_only_if_the_room_shows_them() -> None:
    encoder = LegacyMessageEncoder()
    relayed = event(LegacyFrame(data="{}"))
    assert encoder.encode(relayed.model_copy(update={"thread": "root"})) == b""
    assert encoder.encode(relayed.model_copy(update={"thread": "root", "broadcast": True})) != b""
