"""Typing notices: relayed to all sockets, stored nowhere."""

import logging

from opsroom_contracts.chat.frames import TypingNotice
from opsroom_contracts.chat.models import TYPING_EVENT
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.subjects import is_created_room
from opsroom_gateway.fanout.paced_broadcaster import PacedBroadcaster
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.transport.encoding import text_frame

_LIMIT_BYTES = 4096

log = logging.getLogger(__name__)


class TypingRelay:
    """Publishes typing notices to the sockets of the room."""

    def __init__(self, everybody: PacedBroadcaster, of_rooms: RoomReaders) -> None:
        self._everybody = everybody
        self._of_rooms = of_rooms
        self.malformed = 0

    def on_message(self, data: bytes) -> None:
        """Publish one notice. Notices that violate their contract are skipped and counted."""
        try:
            event = decode(TYPING_EVENT, data, _LIMIT_BYTES)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped a typing notice: %s", error)
            return
        frame = text_frame(encode(TypingNotice(room=event.room, user=event.user)))
        if is_created_room(event.room):
            self._of_rooms.publish(event.room, frame)
        else:
            self._everybody.publish(frame)
