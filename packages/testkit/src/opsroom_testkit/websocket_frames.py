"""WebSocket frames and the upgrade request, as a client sends them (RFC 6455, sections 4.1 and 5.2)."""

import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80
MASK = b"\x01\x02\x03\x04"
ZERO_MASK = b"\0\0\0\0"
"""Leaves the payload unchanged, which is cheap."""
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The sample key of RFC 6455."""


def frame(
    opcode: int, payload: bytes = b"", *, flags: int = FIN, masked: bool = True, mask: bytes = MASK
) -> bytes:
    """Build one frame; ``flags``: FIN and the reserved bits."""
    bit, size = (0x80 if masked else 0), len(payload)
    if size < 126:
        head = struct.pack("!BB", flags | opcode, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", flags | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", flags | opcode, bit | 127, size)
    if not masked:
        return head + payload
    if mask == ZERO_MASK:
        return head + mask + payload
    key = (mask * (size // 4 + 1))[:size]
    xored = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + mask + xored.to_bytes(size, "big")


def text_frame(payload: bytes) -> bytes:
    """Build a text frame with a mask of zeros."""
    return frame(TEXT, payload, mask=ZERO_MASK)


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Build a close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def upgrade_request(path: str, *, subprotocol: str = "", key: str = _KEY) -> bytes:
    """Build the HTTP request that opens a WebSocket."""
    offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    ).encode()
