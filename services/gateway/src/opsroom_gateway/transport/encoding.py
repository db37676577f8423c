"""Encoders for bytes that are sent to many readers: WebSocket frames (RFC 6455, RFC 7692) and SSE chunks."""

import zlib

_FIN = 0x80
_TEXT = 0x1
_BINARY = 0x2
_CLOSE = 0x8
_PING = 0x9
_COMPRESSED = 0x40
DEFLATE_WINDOW_BITS = 15
"""The size of the compression window, as a power of two. Clients must allow at least as much."""
_SYNC_TAIL = b"\x00\x00\xff\xff"


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked, final text frame."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Return an unmasked, final binary frame."""
    return _frame(_BINARY, payload)


def close_frame(payload: bytes) -> bytes:
    """Return a close frame. ``payload``: empty, or two bytes of code and the reason."""
    return _frame(_CLOSE, payload)


def ping_frame(payload: bytes) -> bytes:
    """Return a ping frame with ``payload``, at most 125 bytes, which the pong repeats."""
    return _frame(_PING, payload)


def compress_frame(frame: bytes) -> bytes:
    """Return the frame compressed for clients that negotiated it; unchanged if compression doesn't shrink it.

    It uses no context of earlier messages, so that all readers can be sent the same bytes.
    """
    start = {126: 4, 127: 10}.get(frame[1], 2)
    compressor = zlib.compressobj(wbits=-DEFLATE_WINDOW_BITS)
    payload = compressor.compress(frame[start:]) + compressor.flush(zlib.Z_SYNC_FLUSH)
    compressed = _frame(frame[0] & 0xF | _COMPRESSED, payload.removesuffix(_SYNC_TAIL))
    return compressed if len(compressed) < len(frame) else frame


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, size))
    elif size < 65_536:
        head = bytes((_FIN | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def sse_event(name: str, data: bytes, seq: int | None = None) -> bytes:
    """Return one event as an HTTP chunk. ``data`` must not contain line breaks; JSON does not."""
    event_id = b"" if seq is None else b"id: %d\n" % seq
    return _chunk(b"%sevent: %s\ndata: %s\n\n" % (event_id, name.encode(), data))


def sse_comment(text: str) -> bytes:
    """Return a comment, which clients ignore."""
    return _chunk(b": %s\n\n" % text.encode())


def sse_retry(seconds: float) -> bytes:
    """Return the field that sets a client's reconnection delay."""
    return _chunk(b"retry: %d\n\n" % (seconds * 1000))


def sse_end() -> bytes:
    """Return the last chunk, which completes the response."""
    return b"0\r\n\r\n"


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)
