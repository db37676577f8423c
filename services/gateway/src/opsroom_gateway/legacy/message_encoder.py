"""Messages as course clients receive them."""

import base64
import binascii

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.legacy import ROOM, CourseOutgoing, LegacyFrame, LegacyUser
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.encoding import binary_frame, text_frame


class LegacyMessageEncoder:
    """Encodes the messages of the contract's only room for its sockets.

    Removed messages have no encoding, because the contract has no such frame.
    """

    def __init__(self) -> None:
        self.readers = Broadcaster()

    def encode(self, event: MessageEvent) -> bytes:
        """Return the frame of a message: a course client's own frame unchanged, others converted.

        Replies that only their thread shows have none.

        Raises:
            ContractError: the stored original frame is not base64.
        """
        # Even without readers a relayed frame is decoded, to find a malformed one.
        frame = _frame_of(event) if len(self.readers) or event.raw is not None else b""
        is_shown = event.thread is None or event.broadcast
        return frame if event.room == ROOM and is_shown else b""


def _frame_of(event: MessageEvent) -> bytes:
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
