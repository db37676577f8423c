"""What files are by their bytes, and the ranges of them that are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.domain.byte_ranges import UnsatisfiableRangeError, byte_range
from opsroom_gateway.domain.file_types import UNKNOWN_TYPE, Recognized, recognize
from services.gateway.tests.kit.images import exif, gif, jpeg, png, webp


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(), "image/png"),
        (gif(), "image/gif"),
        (jpeg(), "image/jpeg"),
        (jpeg(metadata=60_000), "image/jpeg"),
        *((webp(kind), "image/webp") for kind in ("VP8 ", "VP8L", "VP8X")),
    ],
)
def test_images_have_a_size(content: bytes, kind: str) -> None:
    assert recognize(content, "text/html") == Recognized(kind, 2, 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_a_photo_that_is_turned_has_the_size_that_is_shown(orientation: int, order: str) -> None:
    found = recognize(jpeg(metadata=exif(orientation, order)), "")
    assert (found.width, found.height) == ((3, 2) if orientation in {5, 6, 7, 8} else (2, 3))


@given(st.binary(max_size=60), st.sampled_from([b"MM\0*\0\0\0\x08\0\x01", b"II*\0", b""]))
def test_damaged_metadata_change_nothing_but_the_turn(data: bytes, prefix: bytes) -> None:
    found = recognize(jpeg(metadata=b"Exif\0\0" + prefix + data), "")
    assert {found.width, found.height} == {2, 3}


@pytest.mark.parametrize("content", [png(20_000, 2), png(9_000, 9_000), gif(0, 5), png()[:20], jpeg()[:50]])
def test_images_that_are_too_large_or_broken_are_downloads(content: bytes) -> None:
    found = recognize(content, "image/png")
    assert (found.width, found.height) == (None, None)


@pytest.mark.parametrize(
    ("content", "declared", "kind"),
    [
        (b"<!doctype html><script>alert(1)</script>", "text/html", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml", "text/plain"),
        (b"%PDF-1.7 <script>", "text/html", "application/pdf"),
        (b"PK\x03\x04", "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        (b"PK\x03\x04", "text/html", "application/zip"),
        (b"\x00\x01\x02", "image/png", UNKNOWN_TYPE),
        (b"\x00\x01\x02", "video/mp4", "video/mp4"),
        (b"\x00\x01\x02", "video/mp4\r\nX-Evil: 1", UNKNOWN_TYPE),
        ("текст".encode()[:-1], "", "text/plain"),
        (b"", "application/javascript", UNKNOWN_TYPE),
    ],
)
def test_what_a_client_says_never_makes_a_file_run(content: bytes, declared: str, kind: str) -> None:
    assert recognize(content, declared) == Recognized(kind)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b"GIF89a"]))
def test_any_bytes_are_recognized(content: bytes, prefix: bytes) -> None:
    found = recognize(prefix + content, "image/png")
    assert (found.width is None) == (found.height is None)
    assert found.width is None or found.type.startswith("image/")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", range(1)),
        ("bytes=2-", range(2, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=5-99999999999", range(5, 10)),
        (" BYTES=1-2", None),
        ("bytes=3-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("bytes=" + "0-0," * 30, None),
        ("bytes=0x1-2", None),
        ("items=0-1", None),
    ],
)
def test_ranges(header: str | None, expected: range | None) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_ranges_after_the_end(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        byte_range(header, size)


@given(st.text(alphabet="bytes=-, 0123456789", max_size=30), st.integers(0, 1000))
def test_a_range_is_inside_the_file(header: str, size: int) -> None:
    try:
        found = byte_range(header, size)
    except UnsatisfiableRangeError:
        return
    assert found is None or 0 <= found.start < found.stop <= size
