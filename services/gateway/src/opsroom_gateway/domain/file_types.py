"""What a file is, by its first bytes. What the client says counts only if it can't matter."""

import re
import struct
from dataclasses import dataclass
from typing import Final

from opsroom_contracts.chat.files import IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX

UNKNOWN_TYPE: Final = "application/octet-stream"
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
)
_DECLARED: Final = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]{0,60}|application/vnd\.[a-z0-9.+-]{1,80}")
"""Types that are shown as the client names them: no browser runs them, and we can't tell them apart."""
_TEXT_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame, whose header has the size."""
_GIF_EXTENSION: Final = 0x21
_GIF_FRAME: Final = 0x2C
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG's markers without a segment."""
_EXIF: Final = 0xE1
_ORIENTATION_TAG: Final = 0x0112
_ON_ITS_SIDE: Final = range(5, 9)
"""How a JPEG image is turned if its width is shown as its height."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """The type of a file. ``width`` and ``height``: only of images that a browser may show in place."""

    type: str
    width: int | None = None
    height: int | None = None


def recognize(head: bytes, declared: str) -> Recognized:
    """Return what a file that begins with ``head`` is. ``declared``: what the client says.

    An image whose size can't be found, or that is too large to be shown, is a download.
    """
    image = _image(head)
    if image is not None:
        kind, size = image
        if (
            size is None
            or min(size) < 1
            or max(size) > IMAGE_SIDE_MAX
            or size[0] * size[1] > IMAGE_PIXELS_MAX
        ):
            return Recognized(kind)
        return Recognized(kind, *size)
    found = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    if found in {None, "application/zip"} and _DECLARED.fullmatch(declared):
        return Recognized(declared)
    return Recognized(found or ("text/plain" if _is_text(head) else UNKNOWN_TYPE))


def _is_text(head: bytes) -> bool:
    if not head or _TEXT_CONTROLS.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character that is cut in two
    return True


def _image(head: bytes) -> tuple[str, tuple[int, int] | None] | None:
    """Return the type of an image and its width and height; None: it is no image."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png", _png(head)
        if head.startswith((b"GIF87a", b"GIF89a")):
            return "image/gif", _gif(head)
        if head.startswith(b"\xff\xd8\xff"):
            return "image/jpeg", _jpeg(head)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "image/webp", _webp(head)
    except (struct.error, IndexError):
        return UNKNOWN_TYPE, None
    return None


def _png(head: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from(">II", head, 16)
    return (width, height) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> tuple[int, int]:
    """Return the size of the screen or, if it is larger, that of the first frame, by which browsers go.

    Raises:
        IndexError, struct.error: the first frame is not in ``head``.
    """
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    place = 13 + _colors(flags)
    while head[place] == _GIF_EXTENSION:
        place += 2
        while size := head[place]:
            place += 1 + size
        place += 1
    if head[place] != _GIF_FRAME:
        return width, height
    of_frame: tuple[int, int] = struct.unpack_from("<HH", head, place + 5)
    return max(width, of_frame[0]), max(height, of_frame[1])


def _colors(flags: int) -> int:
    """Return the size of the table of colors that these flags announce, in bytes."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _jpeg(head: bytes) -> tuple[int, int] | None:
    place, is_on_its_side = 2, False
    while head[place] == 0xFF:
        marker = head[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return (height, width) if is_on_its_side else (width, height)
        if marker == 0xFF:
            place += 1  # fill bytes may precede a marker
        elif marker in _STANDALONE:
            place += 2
        else:
            length = struct.unpack_from(">H", head, place + 2)[0]
            if marker == _EXIF:
                is_on_its_side = is_on_its_side or _is_on_its_side(head[place + 4 : place + 2 + length])
            place += 2 + length
    return None


def _is_on_its_side(exif: bytes) -> bool:
    """Return whether an Exif segment says that the image is shown after a quarter turn."""
    if not exif.startswith(b"Exif\0\0"):
        return False
    tiff = exif[6:]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        first = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, first)[0]):
            place = first + 2 + 12 * entry
            tag, turned = (struct.unpack_from(order + "H", tiff, place + at)[0] for at in (0, 8))
            if tag == _ORIENTATION_TAG:
                return turned in _ON_ITS_SIDE
    except struct.error:
        return False  # it is damaged, and browsers ignore it
    return False


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
