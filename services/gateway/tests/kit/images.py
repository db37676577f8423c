"""The smallest images that say how large they are."""

import struct
import zlib


def png(width: int = 2, height: int = 3) -> bytes:
    """Return a PNG image; a large one only claims to be large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xff\0\0" * min(width, 4) for _ in range(min(height, 4)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def gif(width: int = 2, height: int = 3, *, frame: tuple[int, int] | None = None, comments: int = 0) -> bytes:
    """Return the beginning of a GIF image, with ``comments`` of 256 bytes and perhaps a ``frame``."""
    start = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\xff\xff\xff\0\0\0"
    comment = b"\x21\xfe" + b"\xff" + bytes(255) + b"\0"
    shown = b"" if frame is None else b"," + struct.pack("<HHHH", 0, 0, *frame) + b"\0\2\2D\1\0"
    return start + comment * comments + shown + b";"


def jpeg(width: int = 2, height: int = 3, metadata: int | bytes = 100) -> bytes:
    """Return the beginning of a JPEG image with ``metadata``, or that many bytes, before its frame."""
    data = bytes(metadata)
    exif = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    frame = b"\xff\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + exif + frame + b"\xff\xd9"


def exif(orientation: int, order: str = ">") -> bytes:
    """Return Exif data that say how an image is turned, after another entry."""
    entries = b"".join(
        struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0)
        for tag, value in ((0x0103, 6), (0x0112, orientation))
    )
    mark = b"MM" if order == ">" else b"II"
    return b"Exif\0\0" + mark + struct.pack(f"{order}HIH", 42, 8, 2) + entries + bytes(4)


def webp(kind: str, width: int = 2, height: int = 3) -> bytes:
    """Return the beginning of a WebP image of one of its three kinds."""
    if kind == "VP8X":
        data = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == "VP8L":
        data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        data = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = kind.ljust(4).encode() + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
