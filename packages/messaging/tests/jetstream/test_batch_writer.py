"""BatchWriter, against a real broker."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import ConflictError, OverloadedError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks


@pytest.fixture
async def writer(broker: NatsConnection) -> AsyncIterator[BatchWriter]:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    batch_writer = BatchWriter(broker)
    async with run_tasks(writer=batch_writer.run()):
        yield batch_writer


async def test_a_single_write_returns_its_sequence(writer: BatchWriter, broker: NatsConnection) -> None:
    (seq,) = await writer.write(Write("s.a", b"one"))
    stored = await StreamReader(broker, "S").last("s.a")
    assert stored is not None
    assert (stored.seq, stored.data) == (seq, b"one")


async def test_an_entry_of_several_writes_is_atomic(writer: BatchWriter, broker: NatsConnection) -> None:
    await writer.write(Write("s.taken", b"first"))
    with pytest.raises(ConflictError):
        await writer.write(Write("s.new", b"x", expected=0), Write("s.taken", b"x", expected=0))
    assert await StreamReader(broker, "S").last("s.new") is None


async def test_concurrent_writes_are_stored_in_order_each_with_its_sequence(
    writer: BatchWriter, broker: NatsConnection
) -> None:
    results = await asyncio.gather(*(writer.write(Write(f"s.{n}", str(n).encode())) for n in range(1200)))
    assert [seq for (seq,) in results] == list(range(1, 1201))
    page = await StreamReader(broker, "S").page("s.>", start=1, count=2000)
    assert [stored.data for stored in page] == [str(n).encode() for n in range(1200)]
    assert [stored.seq for stored in page] == list(range(1, 1201))


async def test_one_conflict_in_a_batch_fails_alone(writer: BatchWriter) -> None:
    await writer.write(Write("s.7", b"taken"))
    results = await asyncio.gather(
        *(writer.write(Write(f"s.{n}", b"", expected=0)) for n in range(40)), return_exceptions=True
    )
    assert [n for n, result in enumerate(results) if isinstance(result, ConflictError)] == [7]
    assert sum(isinstance(result, tuple) for result in results) == 39


async def test_one_of_many_concurrent_claims_succeeds(writer: BatchWriter) -> None:
    results = await asyncio.gather(
        *(writer.write(Write("s.name", b"", expected=0)) for _ in range(30)), return_exceptions=True
    )
    assert sum(isinstance(result, tuple) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 29


async def test_a_full_queue_rejects_writes_and_stores_nothing(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    batch_writer = BatchWriter(broker, max_pending=1)  # not running, so the queue stays full
    waiting = asyncio.create_task(batch_writer.write(Write("s.a", b"")))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await batch_writer.write(Write("s.b", b""))
    waiting.cancel()
    assert await StreamReader(broker, "S").last("s.b") is None
