"""Upload and download of files, and attacks with them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.subjects import FILES_STREAM
from opsroom_messaging.client.connection import connect
from opsroom_messaging.files.jetstream_store import JetStreamFileStore
from opsroom_messaging.files.store import Blob
from opsroom_messaging.jetstream.streams import wait_for_streams
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.files.kit import Sharer, sharer
from services.gateway.tests.kit.images import gif, png
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = bytes(range(256)) * 8192
"""Four chunks."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def stream(portal: Portal) -> AsyncIterator[None]:
    broker = await connect(portal.url, name="test")
    try:
        await wait_for_streams(broker, (FILES_STREAM,), timeout=30)
        yield
    finally:
        await broker.close()


async def stored(portal: Portal) -> set[Blob]:
    """Everything in the store."""
    broker = await connect(portal.url, name="test")
    try:
        return {blob async for blob in JetStreamFileStore(broker).blobs()}
    finally:
        await broker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def ann(portal: Portal) -> AsyncIterator[Sharer]:
    async with sharer(portal.gateway) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def bob(portal: Portal) -> AsyncIterator[Sharer]:
    async with sharer(portal.gateway) as one:
        yield one


async def test_a_file_arrives_as_it_was_sent(ann: Sharer, bob: Sharer) -> None:
    uploaded = await ann.upload(LARGE, name="data.bin")
    assert uploaded == {
        "id": uploaded["id"],
        "name": "data.bin",
        "type": "application/octet-stream",
        "size": len(LARGE),
    }
    assert (await bob.get(uploaded["id"])).json()["code"] == "file_unknown"
    await ann.socket.request("send", text="look", files=[uploaded["id"]])
    frame = await bob.socket.receive("message")
    assert (frame["text"], frame["files"]) == ("look", [uploaded])
    response = await bob.get(uploaded["id"])
    assert (response.status_code, response.content) == (200, LARGE)
    history = (await bob.http.request("GET", "/rooms/general/messages")).json()["messages"]
    assert history[-1]["files"] == [uploaded]


async def test_no_browser_runs_a_file(ann: Sharer) -> None:
    page = b"<!doctype html><script>alert(document.domain)</script>"
    for content, name in ((page, "a.html"), (b"<svg onload='alert(1)'/>", "a.svg"), (b"%PDF-1", "a.pdf")):
        response = await ann.get(await ann.share(content, name=name))
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-disposition"].startswith("attachment; ")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert response.headers["cross-origin-resource-policy"] == "same-origin"


async def test_images_are_shown_unless_they_are_too_large(ann: Sharer) -> None:
    shown = await ann.upload(png(), name="a.png")
    assert (shown["type"], shown["width"], shown["height"]) == ("image/png", 2, 3)
    response = await ann.get(shown["id"])
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"].startswith("inline; ")
    huge = await ann.upload(png(60_000, 60_000), name="a.png")
    assert "width" not in huge
    assert (await ann.get(huge["id"])).headers["content-disposition"].startswith("attachment; ")
    script = await ann.upload(gif() + b"*/=1;alert(1)", name="a.js")
    response = await ann.get(script["id"])
    assert (response.headers["content-type"], response.headers["x-content-type-options"]) == (
        "image/gif",
        "nosniff",
    )


async def test_a_name_is_never_a_path_nor_a_header(ann: Sharer) -> None:
    cases = {
        "../../etc/passwd": "passwd",
        "C:\\Windows\\a.txt": "a.txt",
        "invoice\u202egnp.exe": "invoicegnp.exe",
        'a"b\r\nSet-Cookie: x=1.txt': "a_b Set-Cookie_ x=1.txt",
        "..": "file",
        "\u0000\u0007": "file",
        "x" * 300 + ".png": "x" * 196 + ".png",
        "отчёт за март.pdf": "отчёт за март.pdf",
    }
    for name, expected in cases.items():
        uploaded = await ann.upload(b"x", name=name)
        assert uploaded["name"] == expected
        header = (await ann.get(uploaded["id"])).headers["content-disposition"]
        assert header.isascii()
        assert "set-cookie" not in (await ann.get(uploaded["id"])).headers


async def test_ranges_conditions_and_head(ann: Sharer) -> None:
    file_id = await ann.share(LARGE)
    whole = await ann.get(file_id)
    etag = whole.headers["etag"]
    part = await ann.get(file_id, Range="bytes=524280-524300")
    assert (part.status_code, part.content) == (206, LARGE[524280:524301])
    assert part.headers["content-range"] == f"bytes 524280-524300/{len(LARGE)}"
    assert (await ann.get(file_id, Range="bytes=-5")).content == LARGE[-5:]
    beyond = await ann.get(file_id, Range="bytes=99999999-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(LARGE)}")
    many = await ann.get(file_id, Range="bytes=" + ",".join(f"{n}-{n}" for n in range(20)))
    assert (many.status_code, len(many.content)) == (200, len(LARGE))
    assert (await ann.get(file_id, Range="bytes=0-1", If_Range=etag)).status_code == 206
    assert (await ann.get(file_id, Range="bytes=0-1", If_Range='"other"')).status_code == 200
    same = await ann.get(file_id, If_None_Match=etag)
    assert (same.status_code, same.content) == (304, b"")
    head = await ann.get(file_id, method="HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(LARGE)))
    assert head.headers["accept-ranges"] == "bytes"


async def test_an_empty_file(ann: Sharer) -> None:
    uploaded = await ann.upload(b"")
    assert uploaded["size"] == 0
    assert (await ann.get(uploaded["id"])).content == b""


async def test_nobody_else_reads_the_files_of_a_room(portal: Portal, ann: Sharer, bob: Sharer) -> None:
    room = await ann.http.create("Secret files", private=True)
    await ann.http.act(f"/rooms/{room}/invite", {"users": [bob.user_id]})
    file_id = await ann.share(b"secret", room=room)
    assert (await bob.get(file_id)).content == b"secret"
    async with sharer(portal.gateway) as eve:
        assert (await eve.get(file_id)).status_code == 404
        assert (await eve.post(b"x", room=room)).json()["code"] == "room_unknown"
        assert (await eve.socket.request("send", text="", files=[file_id]))["code"] == "file_unknown"
        guessed = [await eve.get(name) for name in ("0" * 32, "a", "-probe", "general")]
        assert {one.status_code for one in guessed} == {404, 422}
    async with portal.gateway.requests() as stranger:
        assert (await stranger.get(f"/api/v1/chat/files/{file_id}")).status_code in {401, 404}
    etag = (await bob.get(file_id)).headers["etag"]
    await ann.http.act(f"/rooms/{room}/members/{bob.user_id}", method="DELETE")
    assert (await bob.get(file_id, If_None_Match=etag)).status_code == 404


async def test_a_file_that_is_too_large_is_refused_with_the_limit(portal: Portal, ann: Sharer) -> None:
    before = await stored(portal)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield bytes(65536)

    declared = await ann.post(bytes(10 * 1024**2 + 1))
    for response in (declared, await ann.post(endless())):
        assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
        assert "10485760 bytes (10 MiB)" in response.json()["detail"]
    assert await stored(portal) == before


async def test_a_repeated_upload_is_one_file(portal: Portal, ann: Sharer) -> None:
    before = await stored(portal)
    first = await ann.post(LARGE, key="k1")
    again = await ann.post(LARGE, key="k1")
    assert again.json() == first.json()
    assert len(await stored(portal) - before) == 1
    assert (await ann.post(LARGE, key="k1", name="b.txt")).json()["code"] == "idempotency_mismatch"


async def test_what_is_cancelled_leaves_nothing(portal: Portal, ann: Sharer) -> None:
    before = await stored(portal)
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield LARGE
        begun.set()
        await stopped.wait()

    upload = asyncio.create_task(ann.post(body()))
    await begun.wait()
    await until_answer(lambda: stored(portal), lambda found: found != before)
    upload.cancel()
    await asyncio.wait((upload,))
    await until_answer(lambda: stored(portal), lambda found: found == before)


async def test_a_slow_upload_is_cut_and_leaves_nothing(portal: Portal) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield LARGE
        for _ in range(100):
            await asyncio.sleep(0.1)
            yield b"x"

    before = await stored(portal)
    async with serving(portal.url, gateway_settings(file_seconds=1.0)) as address, sharer(address) as slow:
        try:
            response = await slow.post(drip())
            assert response.json()["code"] == "request_timeout"
        except httpx.TransportError:
            pass  # the connection was closed while the client was writing
    await until_answer(lambda: stored(portal), lambda found: found == before)


async def test_a_person_uploads_so_much_in_a_time(portal: Portal) -> None:
    settings = gateway_settings(exempt_addresses=(), upload_mib_per_minute=1, upload_mib_burst=3)
    async with serving(portal.url, settings) as address, sharer(address) as one:
        assert (await one.post(LARGE)).status_code == 201
        refused = await one.post(LARGE)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 1


async def test_deleting_the_message_deletes_the_file(portal: Portal, ann: Sharer) -> None:
    before = await stored(portal)
    uploaded = await ann.upload(LARGE)
    reply = await ann.socket.request("send", text="", files=[uploaded["id"]])
    await ann.socket.request("delete", id=reply["id"])
    assert (await ann.get(uploaded["id"])).status_code == 404
    assert await stored(portal) == before
