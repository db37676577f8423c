"""The page that a gateway serves: what browsers may keep, and for how long."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from opsroom_gateway.page import PageMount
from services.gateway.tests.kit.app_server import serving_app

SCRIPT = "main.0123456789.js"
TEXT = b"let it = be;\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built page: its script has compressed forms."""
    (tmp_path / "index.html").write_text("<!doctype html>first", encoding="utf-8")
    (tmp_path / "logo.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / SCRIPT).write_bytes(TEXT)
    (tmp_path / f"{SCRIPT}.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / f"{SCRIPT}.br").write_bytes(b"as if brotli")
    return tmp_path


@pytest_asyncio.fixture
async def page(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the page."""
    mount = PageMount(folder, lambda _: False)
    async with serving_app(mount.app) as server:
        base, plain = f"http://127.0.0.1:{server.port}", {"Accept-Encoding": "identity"}
        async with httpx.AsyncClient(base_url=base, headers=plain, verify=False, timeout=30) as client:
            yield client


async def test_the_page_is_revalidated_and_files_with_a_hash_are_kept(page: httpx.AsyncClient) -> None:
    for path in ("/", "/index.html", "/logo.svg"):
        assert (await page.get(path)).headers["Cache-Control"] == "no-cache", path
    kept = await page.get(f"/{SCRIPT}")
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (kept.content, kept.headers["Content-Type"]) == (TEXT, "text/javascript; charset=utf-8")


async def test_an_unchanged_file_is_not_sent_again(page: httpx.AsyncClient) -> None:
    for path in ("/", f"/{SCRIPT}"):
        first = await page.get(path)
        again = await page.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == first.headers[name]


async def test_a_new_version_of_the_same_size_and_time_is_sent(page: httpx.AsyncClient, folder: Path) -> None:
    """Packages have normalized times, and hashes have the same length."""
    index = folder / "index.html"
    os.utime(index, (0, 0))
    first = await page.get("/")
    new = folder / "new"
    new.write_text("<!doctype html>other", encoding="utf-8")
    os.utime(new, (0, 0))
    new.rename(index)
    since = {"If-None-Match": first.headers["ETag"], "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    for headers in (since, {"If-Modified-Since": since["If-Modified-Since"]}):
        again = await page.get("/", headers=headers)
        assert (again.status_code, again.text) == (200, "<!doctype html>other")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5, br;q=0", "gzip"),
        ("gzip;q=0.0", None),
        ("", None),
        ("x-gzip", None),
    ],
)
async def test_text_is_sent_compressed_if_the_client_accepts_it(
    page: httpx.AsyncClient, folder: Path, accepted: str, encoding: str | None
) -> None:
    async with page.stream("GET", f"/{SCRIPT}", headers={"Accept-Encoding": accepted}) as response:
        raw = b"".join([piece async for piece in response.aiter_raw()])
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    assert raw == (folder / f"{SCRIPT}{suffix}").read_bytes()
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Vary"] == "Accept-Encoding"
    plain = await page.get(f"/{SCRIPT}")
    assert (plain.headers["ETag"] == response.headers["ETag"]) is (encoding is None)


async def test_what_is_not_compressed_is_sent_as_it_is(page: httpx.AsyncClient) -> None:
    response = await page.get("/logo.svg", headers={"Accept-Encoding": "br, gzip"})
    assert (response.text, response.headers.get("Content-Encoding")) == ("<svg/>", None)
