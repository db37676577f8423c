"""Files with the client and the command line."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_contracts.chat.frames import MessageFrame
from opsroom_contracts.errors import ErrorCode
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")

CONTENT = bytes(range(256)) * 8000


def names_in(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def registered(proxy: Proxy) -> str:
    """Register somebody, and return the token."""
    async with Opsroom(proxy.url, timeout=10) as opsroom:
        return (await opsroom.register(f"p-{uuid4().hex[:20]}")).token


async def test_a_file_is_sent_and_downloaded(proxy: Proxy, tmp_path: Path) -> None:
    source, copy = tmp_path / "data.bin", tmp_path / "copy.bin"
    source.write_bytes(CONTENT)
    token = await registered(proxy)
    async with Opsroom(proxy.url, token=token, timeout=20) as opsroom:
        uploaded = await opsroom.files.upload(source, key="k")
        assert (uploaded.name, uploaded.size) == ("data.bin", len(CONTENT))
        assert await opsroom.files.upload(source, key="k") == uploaded
        async with opsroom.chat(token) as chat:
            await chat.send("", files=[uploaded.id])
            async with asyncio.timeout(20):
                async for event in chat:
                    if isinstance(event, MessageFrame) and event.files:
                        assert event.files == (uploaded,)
                        break
        assert await opsroom.files.download(uploaded.id, copy) == len(CONTENT)
    assert copy.read_bytes() == CONTENT
    assert names_in(tmp_path) == ["copy.bin", "data.bin"]


async def test_a_download_that_fails_leaves_no_file(proxy: Proxy, tmp_path: Path) -> None:
    async with Opsroom(proxy.url, token=await registered(proxy), timeout=5) as opsroom:
        with pytest.raises(RequestRejectedError) as refused:
            await opsroom.files.download("nothing", tmp_path / "a")
    assert refused.value.code is ErrorCode.FILE_UNKNOWN
    assert names_in(tmp_path) == []


async def test_a_download_goes_on_after_a_lost_connection(proxy: Proxy) -> None:
    async with Opsroom(proxy.url, token=await registered(proxy), timeout=20) as opsroom:
        uploaded = await opsroom.files.upload(CONTENT, name="data.bin")
        received = b""
        async for piece in opsroom.files.pieces(uploaded.id):
            if not received:
                proxy.cut()
            received += piece
        assert received == CONTENT


async def test_the_command_line(proxy: Proxy, tmp_path: Path) -> None:
    source, copy = tmp_path / "отчёт.txt", tmp_path / "copy.txt"
    source.write_bytes(CONTENT)
    shell = Shell(proxy.url, await registered(proxy))
    sent = await shell("files", "send", str(source), "--text", "look")
    assert sent.exit_code == 0, sent.output
    file_id, name = sent.output.split()[:2]
    assert name == "отчёт.txt"
    got = await shell("files", "get", file_id, "--output", str(copy))
    assert got.output == f"{copy}: {len(CONTENT)} bytes\n"
    assert copy.read_bytes() == CONTENT
    many = await shell("files", "send", *[str(source)] * 11)
    assert (many.exit_code, "10 files at most" in many.output) == (2, True)
