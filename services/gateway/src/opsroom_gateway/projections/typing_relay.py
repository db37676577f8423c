"""Typing notices: relayed to all sockets, stored nowhere."""

import logging

from opsroom_contracts.chat.frames import TypingNotice
from opsroom_contracts.chat.models import TYPING_EVENT
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_gateway.fanout.paced_broadcaster import PacedBroadcaster
from opsroom_gateway.transport.encoding import text_frame

_LIMIT_BYTES = 4096

log = logging.getLogger(__name__)


class TypingRelay:
    """Publishes typing notices to the chat's sockets."""

    def __init__(self, readers: PacedBroadcaster) -> None:
        self._readers = readers
        self.malformed = 0

    def on_message(self, data: bytes) -> None:
        """Publish one notice. Notices that violate their contract are skipped and counted."""
        try:
            event = decode(TYPING_EVENT, data, _LIMIT_BYTES)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped a typing notice: %s", error)
            return
        self._readers.publish(text_frame(encode(TypingNotice(room=event.room, user=event.user))))
