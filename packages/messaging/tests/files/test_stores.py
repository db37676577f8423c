"""The stores of files: a real broker, and a real S3 server, if there is one on ``PATH``."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsroom_contracts.subjects import CHAT_SERVICE, GATEWAY_SERVICE
from opsroom_messaging.client.connection import connect
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.files.factory import file_store
from opsroom_messaging.files.jetstream_store import JetStreamFileStore
from opsroom_messaging.files.settings import S3Settings
from opsroom_messaging.files.store import CHUNK_BYTES, Blob, FileStore, StorageFullError
from opsroom_messaging.jetstream.streams import ensure_stream, files_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.ports import free_port, listens
from opsroom_testkit.waiting import until_answer

FULL = bytes(CHUNK_BYTES)
FIRST, SECOND, OTHER = Blob("f1", "a"), Blob("f1", "b"), Blob("f2", "a")


async def everything(store: FileStore) -> set[Blob]:
    return {blob async for blob in store.blobs()}


async def _s3(folder: Path) -> AsyncIterator[FileStore]:
    """An S3 store, on the server named in the environment or on a fake one."""
    given = os.environ.get("OPSROOM_TEST_S3_ENDPOINT")
    server = shutil.which("moto_server")
    if given is None and server is None:
        pytest.skip("no S3 server: put moto_server on PATH, or set OPSROOM_TEST_S3_ENDPOINT and a bucket")
    secret = folder / "secret"
    secret.write_text(os.environ.get("OPSROOM_TEST_S3_SECRET", "secret"))
    port = free_port()
    settings = S3Settings(
        files_s3_bucket="files",
        files_s3_endpoint=given or f"http://127.0.0.1:{port}",
        files_s3_key=os.environ.get("OPSROOM_TEST_S3_KEY", "key"),
        files_s3_secret_file=secret,
        files_s3_prefix=f"test-{port}",
    )
    if given is not None:
        yield file_store(None, settings)  # type: ignore[arg-type]
        return
    process = await asyncio.create_subprocess_exec(str(server), "-H", "127.0.0.1", "-p", str(port))
    try:
        await until_answer(lambda: listens(port), bool, 30)
        await _create_bucket(port)
        yield file_store(None, settings)  # type: ignore[arg-type]
    finally:
        process.kill()
        await process.wait()


async def _create_bucket(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PUT /files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()


async def _jetstream(url: str) -> AsyncIterator[FileStore]:
    broker = await connect(url, name="test")
    try:
        await ensure_stream(broker, files_stream(max_age=0, max_bytes=-1, replicas=1))
        yield JetStreamFileStore(broker)
    finally:
        await broker.close()


@pytest.fixture(params=["jetstream", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileStore]:
    """Each store, empty."""
    if request.param == "s3":
        async for one in _s3(tmp_path):
            yield one
        return
    process = BrokerProcess(tmp_path)
    await process.start()
    try:
        async for one in _jetstream(process.url):
            yield one
    finally:
        await process.stop()


async def test_chunks_are_read_as_they_were_stored(store: FileStore) -> None:
    await store.put(FIRST, 0, FULL)
    await store.put(FIRST, 1, b"the end")
    assert await store.get(FIRST, 0) == FULL
    assert await store.get(FIRST, 1) == b"the end"
    assert await store.get(FIRST, 2) is None
    assert await store.get(SECOND, 0) is None


async def test_the_same_chunk_once_more_changes_nothing(store: FileStore) -> None:
    await store.put(FIRST, 0, b"x")
    await store.put(FIRST, 0, b"x")
    assert await store.get(FIRST, 0) == b"x"


async def test_an_attempt_or_a_file_is_deleted_and_others_stay(store: FileStore) -> None:
    for blob in (FIRST, SECOND, OTHER):
        for number in range(6):
            await store.put(blob, number, b"x")
    assert await everything(store) == {FIRST, SECOND, OTHER}
    await store.delete("f1", "a")
    assert await everything(store) == {SECOND, OTHER}
    assert await store.get(FIRST, 5) is None
    await store.delete("f1")
    await store.delete("f1")
    assert await everything(store) == {OTHER}
    assert await store.get(OTHER, 5) == b"x"


async def test_a_full_stream_keeps_what_it_has(broker_process: BrokerProcess) -> None:
    broker = await connect(broker_process.url, name="test")
    try:
        await ensure_stream(broker, files_stream(max_age=0, max_bytes=3 * CHUNK_BYTES, replicas=1))
        store = JetStreamFileStore(broker)
        await store.put(FIRST, 0, FULL)
        await store.put(FIRST, 1, FULL)
        with pytest.raises(StorageFullError):
            await store.put(FIRST, 2, FULL)
        assert await store.get(FIRST, 0) == FULL
        await store.delete("f1")
        await store.put(OTHER, 0, FULL)
    finally:
        await broker.close()


async def test_a_gateway_stores_and_reads_but_deletes_nothing(tmp_path: Path) -> None:
    guarded = GuardedBroker(tmp_path)
    await guarded.start()
    chat = await connect(guarded.url, name="chat", credentials=guarded.access(CHAT_SERVICE))
    gateway = await connect(guarded.url, name="gateway", credentials=guarded.access(GATEWAY_SERVICE))
    try:
        await ensure_stream(chat, files_stream(max_age=0, max_bytes=-1, replicas=1))
        owner, carrier = JetStreamFileStore(chat), JetStreamFileStore(gateway)
        await carrier.put(FIRST, 0, b"x")
        assert await carrier.get(FIRST, 0) == b"x"
        assert await carrier.get(FIRST, 1) is None
        assert not guarded.refusals()
        with pytest.raises(UnavailableError):
            await carrier.delete("f1")
        assert await everything(owner) == {FIRST}
        await owner.delete("f1")
        assert await everything(owner) == set()
    finally:
        await gateway.close()
        await chat.close()
        await guarded.stop()
