"""Attacks with files: types that run, names that lie, bombs, and images that are larger than they say."""

import gzip
import io
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from services.gateway.tests.files.kit import Sharer, sharer
from services.gateway.tests.kit.images import gif, jpeg, png, webp
from services.gateway.tests.kit.portal import Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = b"<script>alert(document.domain)</script>"
RUNS = {
    "text/html": b"<!doctype html>" + SCRIPT,
    "application/xhtml+xml": b'<html xmlns="http://www.w3.org/1999/xhtml">' + SCRIPT + b"</html>",
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "text/xml": b'<?xml-stylesheet type="text/xsl" href="data:text/xml,x"?><x/>',
    "application/pdf": b"%PDF-1.7 /OpenAction << /S /JavaScript /JS (app.alert(1)) >>",
    "text/javascript": b"alert(1)",
    "text/css": b"@import 'javascript:alert(1)'",
    "application/x-shockwave-flash": b"FWS\x09",
    "multipart/related; boundary=x": b"--x\r\nContent-Type: text/html\r\n\r\n" + SCRIPT,
    "application/octet-stream": b"\x00asm\x01\0\0\0",
    "image/png": b"\x89PNG\r\n\x1a\n" + SCRIPT,
    "image/gif": b"GIF89a" + SCRIPT,
    "video/mp4": SCRIPT,
    "audio/mpeg": b"\xef\xbb\xbf" + SCRIPT,
    "application/vnd.mozilla.xul+xml": SCRIPT,
}
"""Contents that a browser would run if it got them with these types."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(portal: Portal) -> AsyncIterator[Sharer]:
    async with sharer(portal.gateway) as one:
        yield one


async def shared(ann: Sharer, content: bytes, declared: str, name: str, **headers: str) -> str:
    """Upload ``content`` as ``declared``, send it, and return its id."""
    response = await ann.http.request(
        "POST",
        "/files",
        params={"room": "general", "name": name},
        content=content,
        headers={"Content-Type": declared, **headers},
    )
    assert response.status_code == 201, response.text
    file_id: str = response.json()["id"]
    assert (await ann.socket.request("send", text="", files=[file_id]))["type"] == "ack"
    return file_id


def assert_inert(response: httpx.Response) -> None:
    """No browser runs a file with these headers, however it is opened."""
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.status_code != 304:  # a cache keeps that of the response it has
        assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    if response.status_code in {200, 206}:
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize("declared", RUNS)
async def test_a_file_that_could_run_is_only_saved(ann: Sharer, declared: str) -> None:
    """Defense: a file has no type, except that of images by their bytes; all headers forbid scripts."""
    file_id = await shared(ann, RUNS[declared], declared, "a.html")
    whole = await ann.get(file_id)
    assert whole.content == RUNS[declared]
    etag = whole.headers["etag"]
    for response in (
        whole,
        await ann.get(file_id, method="HEAD"),
        await ann.get(file_id, Range="bytes=0-3"),
        await ann.get(file_id, Range="bytes=99999-"),
        await ann.get(file_id, If_None_Match=etag),
    ):
        assert_inert(response)


@pytest.mark.parametrize("image", [png(), gif(), jpeg(), webp("VP8 ")], ids=["png", "gif", "jpeg", "webp"])
async def test_an_image_that_is_also_a_page_is_an_image(ann: Sharer, image: bytes) -> None:
    """Defense: what is shown in place is never sniffed, and has no scripts."""
    response = await ann.get(await shared(ann, image + SCRIPT, "text/html", "a.html"))
    assert response.headers["content-type"].startswith("image/")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def zip_bomb() -> bytes:
    """Return a ZIP file of 100 MiB of zeros, which is a hundred kilobytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.txt", bytes(10 * 1024**2))
    return buffer.getvalue()


async def test_nothing_is_unpacked(ann: Sharer) -> None:
    """Defense: the portal never decompresses what it gets, neither a file nor the body of a request."""
    bomb, packed = zip_bomb(), gzip.compress(bytes(20 * 1024**2))
    for content, headers in ((bomb, {}), (packed, {"Content-Encoding": "gzip"})):
        file_id = await shared(ann, content, "application/zip", "a.zip", **headers)
        response = await ann.get(file_id)
        assert response.content == content
        assert "content-encoding" not in response.headers
        assert response.headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    "image",
    [
        png(16_385, 1),
        png(10_000, 10_000),
        png(0, 0),
        gif(65_535, 65_535),
        gif(1, 1, frame=(60_000, 60_000)),
        gif(1, 1, frame=(60_000, 60_000), comments=3),
        gif(1, 1, comments=3000),
        jpeg(65_535, 65_535),
        webp("VP8X", 2**24, 2**24),
        webp("VP8L", 16_384, 16_384),
    ],
)
async def test_a_huge_image_is_only_saved(ann: Sharer, image: bytes) -> None:
    """Defense: what a browser would decode into much memory is not shown, whatever the file says first."""
    uploaded = await ann.upload(image, name="a.png")
    assert ("width" in uploaded, "height" in uploaded) == (False, False)
    assert_inert(await ann.get(uploaded["id"]))
