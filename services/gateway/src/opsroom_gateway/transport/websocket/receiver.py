"""What the peer of a WebSocket sends: messages, pongs, and the end of the connection."""

from dataclasses import dataclass

from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF
from websockets.server import ServerProtocol

from opsroom_gateway.transport.encoding import close_frame
from opsroom_gateway.transport.websocket.receive_queue import Event

NO_STATUS = 1005
"""The code of a close frame without a code."""
_INVALID_DATA = 1007
_POLICY_VIOLATION = 1008
_EMPTY_FRAGMENTS_MAX = 64
"""How many fragments of a message may be empty. The others are limited by the size of the message."""
_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


@dataclass(frozen=True, slots=True)
class End:
    """The end of a connection. ``received``: the peer's close frame. If it is None, the peer has violated
    the protocol, and ``sent`` is the close frame that was sent for it, if one could be sent.
    """

    received: Close | None
    sent: Close | None


@dataclass(slots=True)
class Received:
    """What a read contained. ``output``: what to write in reply. Nothing counts that comes after ``end``."""

    items: list[Request | Event | bytes]
    """The handshake's request, messages as ASGI events, and payloads of pongs."""
    output: list[bytes]
    end: End | None = None

    @property
    def violated(self) -> bool:
        """Whether the peer has violated the protocol."""
        return self.end is not None and self.end.received is None


class Receiver:
    """Parses what is received with ``core``, the sans-I/O protocol of websockets, and joins fragments."""

    __slots__ = ("_core", "_empty_fragments", "_is_text", "_message", "_number")

    def __init__(self, core: ServerProtocol) -> None:
        self._core = core
        self._is_text = False
        self._empty_fragments = 0
        self._number = 0
        """Counts the messages with more than one fragment."""
        self._message: bytearray | None = None
        """The fragments of an incomplete message. A list would grow without a limit by empty ones."""

    @property
    def incomplete(self) -> int | None:
        """The number of the message that has begun and is not complete."""
        return None if self._message is None else self._number

    def receive(self, data: bytes, *, close_sent: bool) -> Received:
        """Parse ``data``. ``close_sent``: a close frame was sent, and messages are dropped."""
        self._core.receive_data(data)
        events = self._core.events_received()
        received = Received([], self._core.data_to_send())
        if SEND_EOF in received.output:
            self._end(received, close_sent, violated=not events or not _is_close(events[-1]))
        for event in events:
            if received.violated:
                break
            if isinstance(event, Request):
                received.items.append(event)
            elif isinstance(event, Frame):
                self._add(event, received, close_sent)
        return received

    def _add(self, frame: Frame, received: Received, close_sent: bool) -> None:
        if frame.opcode is Opcode.PONG:
            received.items.append(bytes(frame.data))
        elif frame.opcode in _DATA:
            message = self._join(frame)
            if self._empty_fragments > _EMPTY_FRAGMENTS_MAX:
                self._fail(_POLICY_VIOLATION, "too many empty fragments", received, close_sent)
                return
            if message is None or close_sent:
                return
            try:
                received.items.append(self._event(message))
            except UnicodeDecodeError:
                self._fail(_INVALID_DATA, "", received, close_sent)

    def _fail(self, code: int, reason: str, received: Received, close_sent: bool) -> None:
        if received.end is None:
            self._core.fail(code, reason)
            received.output += self._core.data_to_send()
            self._end(received, close_sent, violated=True)

    def _join(self, frame: Frame) -> bytes | None:
        """Return the whole message if ``frame`` is its last."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
            if frame.fin:
                return bytes(frame.data)
            self._message = bytearray()
            self._empty_fragments = 0
            self._number += 1
        if self._message is None:
            raise AssertionError("a continuation of nothing, which websockets rejects")
        self._message += frame.data
        self._empty_fragments += not frame.data
        if not frame.fin:
            return None
        message, self._message = bytes(self._message), None
        self._empty_fragments = 0
        return message

    def _event(self, message: bytes) -> Event:
        if self._is_text:
            return {"type": "websocket.receive", "text": message.decode()}
        return {"type": "websocket.receive", "bytes": message}

    def _end(self, received: Received, close_sent: bool, *, violated: bool) -> None:
        self._core.receive_eof()  # the library names the close frames after the end only
        closed = self._core.close_exc
        received.end = End(closed.rcvd, closed.sent)
        if violated and closed.rcvd is not None:
            # RFC 6455, 5.4 allows a close frame between fragments. websockets replies with 1002.
            received.output = (
                received.output[:-1] if close_sent else [*received.output[:-2], _echo(closed.rcvd)]
            )


def _is_close(event: object) -> bool:
    return isinstance(event, Frame) and event.opcode is Opcode.CLOSE


def _echo(received: Close) -> bytes:
    """Return the reply to a close frame."""
    return close_frame(b"" if received.code == NO_STATUS else received.serialize())
