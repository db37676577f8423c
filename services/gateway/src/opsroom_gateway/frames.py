"""Bytes made once and written to every reader: WebSocket frames (RFC 6455) and SSE chunks."""

_FIN = 0x80
_TEXT = 0x1
_BINARY = 0x2


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final text frame."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """An unmasked, final binary frame."""
    return _frame(_BINARY, payload)


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
    """One event of a stream; ``data`` must be without line breaks, as JSON is."""
    place = b"" if seq is None else b"id: %d\n" % seq
    return b"%sevent: %s\ndata: %s\n\n" % (place, name.encode(), data)
