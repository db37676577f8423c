"""What a WebSocket's peer sends, frame by frame, without a socket."""

import struct
import tracemalloc

import pytest
from websockets.frames import Close
from websockets.http11 import Request
from websockets.server import ServerProtocol

from opsroom_gateway.transport.websocket.receiver import Received, Receiver
from opsroom_testkit.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    upgrade_request,
)

START = frame(TEXT, b"[1", flags=0)


def opened(limit: int = 1000) -> tuple[ServerProtocol, Receiver]:
    """Return a receiver after its handshake."""
    core = ServerProtocol(max_size=limit)
    receiver = Receiver(core)
    (request,) = receiver.receive(upgrade_request("/"), close_sent=False).items
    assert isinstance(request, Request)
    core.send_response(core.accept(request))
    core.data_to_send()
    return core, receiver


def received(data: bytes, *, close_sent: bool = False) -> Received:
    """Receive ``data`` after the handshake; ``close_sent``: and after a close frame."""
    core, receiver = opened()
    if close_sent:
        core.send_close(1001)
        core.data_to_send()
    return receiver.receive(data, close_sent=close_sent)


def sent_frame(opcode: int, payload: bytes) -> bytes:
    """Return a frame as the server sends it."""
    return frame(opcode, payload, masked=False)


def closing(code: int) -> bytes:
    """Return a close frame as the server sends it."""
    return sent_frame(CLOSE, struct.pack("!H", code))


def test_messages_and_pongs_arrive_in_order() -> None:
    data = (
        START
        + frame(PONG, b"7")
        + frame(CONTINUATION, flags=0)
        + frame(CONTINUATION, b"]")
        + frame(BINARY, b"\xff")
        + frame(TEXT)
    )
    assert received(data).items == [
        b"7",
        {"type": "websocket.receive", "text": "[1]"},
        {"type": "websocket.receive", "bytes": b"\xff"},
        {"type": "websocket.receive", "text": ""},
    ]


def test_pings_are_answered() -> None:
    got = received(frame(PING, b"a") + frame(PING, b"b"))
    assert b"".join(got.output) == sent_frame(PONG, b"a") + sent_frame(PONG, b"b")
    assert got.end is None


@pytest.mark.parametrize("start", [b"", START], ids=["alone", "between fragments"])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x0f\xa0\xe2\x98\x83"])
def test_a_close_is_answered_with_its_payload(start: bytes, payload: bytes) -> None:
    got = received(frame(PING, b"a") + start + frame(CLOSE, payload) + frame(TEXT, b"\xff"))
    assert b"".join(got.output) == sent_frame(PONG, b"a") + sent_frame(CLOSE, payload)
    assert got.items == []
    assert got.end is not None
    code = struct.unpack("!H", payload[:2])[0] if payload else 1005
    assert got.end.received == Close(code, payload[2:].decode())


@pytest.mark.parametrize("start", [b"", START], ids=["alone", "between fragments"])
def test_a_close_that_answers_ours_is_not_answered(start: bytes) -> None:
    got = received(start + frame(PING, b"a") + close_frame(1001), close_sent=True)
    assert b"".join(got.output) == sent_frame(PONG, b"a")
    assert got.end is not None
    assert got.end.received == Close(1001, "")


def test_messages_before_a_close_count() -> None:
    got = received(frame(TEXT, b"1") + START + close_frame(1000))
    assert got.items == [{"type": "websocket.receive", "text": "1"}]


def test_messages_after_our_close_are_dropped() -> None:
    got = received(frame(TEXT, b"1"), close_sent=True)
    assert (got.items, got.end) == ([], None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x\xe2", flags=0) + frame(CONTINUATION, b"\x98"), 1007),
        (frame(CONTINUATION, b"x"), 1002),
        (START + frame(TEXT, b"x"), 1002),
        (START + frame(CLOSE, b"\x03"), 1002),
        (frame(BINARY, b"x" * 1001), 1009),
        (START + frame(CONTINUATION, b"x" * 999), 1009),
    ],
)
def test_a_violation_ends_with_its_code(data: bytes, code: int) -> None:
    got = received(data + frame(TEXT, b"more"))
    assert b"".join(got.output).startswith(closing(code)[:1])
    assert closing(code)[2:] in b"".join(got.output)
    assert got.items == []
    assert got.violated
    assert got.end is not None
    assert got.end.sent is not None
    assert got.end.sent.code == code


def test_a_request_that_is_too_long_is_rejected() -> None:
    core = ServerProtocol()
    got = Receiver(core).receive(upgrade_request("/" + "x" * 9000), close_sent=False)
    assert b"".join(got.output).startswith(b"HTTP/1.1 414 ")
    assert got.violated


def test_a_message_of_endless_empty_fragments_is_a_violation_and_takes_no_memory() -> None:
    _, receiver = opened()
    receiver.receive(START, close_sent=False)
    assert not receiver.receive(frame(CONTINUATION, flags=0) * 64, close_sent=False).violated
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    got = receiver.receive(frame(CONTINUATION, flags=0) * 10_000, close_sent=False)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got.violated
    assert got.end is not None
    assert got.end.sent is not None
    assert got.end.sent.code == 1008
    assert got.items == []
    assert after - before < 100_000


def test_fragments_of_one_byte_are_limited_by_the_size_of_the_message_only() -> None:
    _, receiver = opened()
    receiver.receive(frame(TEXT, b"[", flags=0), close_sent=False)
    assert receiver.incomplete == 1
    for _ in range(4):
        receiver.receive(frame(CONTINUATION, b" ", flags=0) * 200, close_sent=False)
    got = receiver.receive(frame(CONTINUATION, b"]"), close_sent=False)
    assert got.items == [{"type": "websocket.receive", "text": "[" + " " * 800 + "]"}]
    assert receiver.incomplete is None
