"""Decoding of the frames of a chat client."""

import json
from contextlib import suppress

from fastapi import WebSocket
from pydantic import TypeAdapter
from starlette.types import Message

from opsroom_contracts.chat.frames import CLIENT_FRAME, FRAME_MAX_BYTES, ClientFrame
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.codec import ContractError, PayloadTooLargeError, decode
from opsroom_contracts.serialization.model import ClientId
from opsroom_gateway.api.chat_socket.replies import Replies
from opsroom_gateway.domain.json_depth import exceeds_depth
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

_MALFORMED_FRAMES_MAX = 20
_CLIENT_ID: TypeAdapter[str] = TypeAdapter(ClientId)


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
        text = message.get("text")
        try:
            return self._decode(text)
        except ContractError as error:
            # Without the id, the client could not tell which message was refused, and would repeat it.
            client_id = None if text is None else self._client_id(text, error)
            self._replies.refuse(
                ErrorCode.INVALID_REQUEST, str(error), field=error.field or None, client_id=client_id
            )
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

    def _client_id(self, text: str, error: ContractError) -> str | None:
        """Return the ``clientId`` of an invalid frame; None if it has no valid one.

        The standard library also reads what the contract's parser rejects, such as half of a surrogate pair.
        """
        if isinstance(error, PayloadTooLargeError) or exceeds_depth(text, self._depth):
            return None
        with suppress(ValueError):
            frame = json.loads(text)
            return _CLIENT_ID.validate_python(frame.get("clientId")) if isinstance(frame, dict) else None
        return None
