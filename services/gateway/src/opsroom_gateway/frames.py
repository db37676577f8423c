"""Bytes made once and written to every reader: WebSocket frames (RFC 6455) and SSE chunks."""

_FIN = 0x80
_TEXT = 0x1
_BINARY = 0x2
_PING = 0x9


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final text frame."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """An unmasked, final binary frame."""
    return _frame(_BINARY, payload)


def ping_frame(payload: bytes) -> bytes:
    """A ping; ``payload`` of at most 125 bytes comes back."""
    return _frame(_PING, payload)


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
    """One event of a stream as a chunk of HTTP; ``data`` must be without line breaks, as JSON is."""
    place = b"" if seq is None else b"id: %d\n" % seq
    return _chunk(b"%sevent: %s\ndata: %s\n\n" % (place, name.encode(), data))


def sse_comment(words: str) -> bytes:
    """A comment, which readers pass over."""
    return _chunk(b": %s\n\n" % words.encode())


def sse_retry(seconds: float) -> bytes:
    """How long a reader should wait before it comes back."""
    return _chunk(b"retry: %d\n\n" % (seconds * 1000))


def sse_end() -> bytes:
    """The end of a stream that is whole."""
    return b"0\r\n\r\n"


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)
