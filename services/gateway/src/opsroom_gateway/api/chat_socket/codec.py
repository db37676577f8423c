"""Decoding of the frames of a chat client."""

from fastapi import WebSocket
from starlette.types import Message

from opsroom_contracts.chat.frames import CLIENT_FRAME, FRAME_MAX_BYTES, ClientFrame
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.codec import ContractError, decode
from opsroom_gateway.api.chat_socket.replies import Replies
from opsroom_gateway.domain.json_depth import exceeds_depth
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

_MALFORMED_FRAMES_MAX = 20


class FrameReader:
    """Decodes the frames of one socket; ``depth`` is the maximum nesting of the JSON."""

    __slots__ = ("_connection", "_depth", "_malformed", "_replies")

    def __init__(self, connection: WebSocketConnection, replies: Replies, depth: int) -> None:
        self._connection = connection
        self._replies = replies
        self._depth = depth
        self._malformed = 0

    async def first(self, websocket: WebSocket) -> ClientFrame | None:
        """Return the first valid frame; None if the client disconnects before."""
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            frame = self.read(message)
            if frame is not None:
                return frame

    def read(self, message: Message) -> ClientFrame | None:
        """Decode a frame; reply to a malformed one with an error. Too many of them close the socket."""
        try:
            return self._decode(message.get("text"))
        except ContractError as error:
            self._replies.refuse(ErrorCode.INVALID_REQUEST, str(error), field=error.field or None)
            self._malformed += 1
            if self._malformed >= _MALFORMED_FRAMES_MAX:
                self._connection.close(Close.PROTOCOL.value)
            return None

    def _decode(self, text: str | None) -> ClientFrame:
        if text is None:
            raise ContractError("", "frames must be JSON text, not binary")
        if exceeds_depth(text, self._depth):
            raise ContractError("", f"the JSON is nested more than {self._depth} levels deep")
        return decode(CLIENT_FRAME, text, FRAME_MAX_BYTES)
