"""BatchWriter against a real broker."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter, ConflictError, OverloadedError, Write
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.runtime.process import running


@pytest.fixture
async def writer(broker: NatsConnection) -> AsyncIterator[BatchWriter]:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    group_writer = BatchWriter(broker)
    async with running(writer=group_writer.run()):
        yield group_writer


async def test_lone_write_is_stored_at_the_sequence_it_answers(
    writer: BatchWriter, broker: NatsConnection
) -> None:
    (seq,) = await writer.write(Write("s.a", b"one"))
    stored = await StreamReader(broker, "S").last("s.a")
    assert stored is not None
    assert (stored.seq, stored.data) == (seq, b"one")


async def test_entry_of_many_writes_is_all_or_nothing(writer: BatchWriter, broker: NatsConnection) -> None:
    await writer.write(Write("s.taken", b"first"))
    with pytest.raises(ConflictError):
        await writer.write(Write("s.new", b"x", expected=0), Write("s.taken", b"x", expected=0))
    assert await StreamReader(broker, "S").last("s.new") is None


async def test_a_crowd_is_stored_in_order_each_with_its_sequence(
    writer: BatchWriter, broker: NatsConnection
) -> None:
    answers = await asyncio.gather(*(writer.write(Write(f"s.{n}", str(n).encode())) for n in range(1200)))
    assert [seq for (seq,) in answers] == list(range(1, 1201))
    page = await StreamReader(broker, "S").page("s.>", start=1, count=2000)
    assert [stored.data for stored in page] == [str(n).encode() for n in range(1200)]
    assert [stored.seq for stored in page] == list(range(1, 1201))


async def test_one_conflict_in_a_crowd_fails_alone(writer: BatchWriter) -> None:
    await writer.write(Write("s.7", b"taken"))
    answers = await asyncio.gather(
        *(writer.write(Write(f"s.{n}", b"", expected=0)) for n in range(40)), return_exceptions=True
    )
    assert [n for n, answer in enumerate(answers) if isinstance(answer, ConflictError)] == [7]
    assert sum(isinstance(answer, tuple) for answer in answers) == 39


async def test_racing_claims_have_one_winner(writer: BatchWriter) -> None:
    answers = await asyncio.gather(
        *(writer.write(Write("s.name", b"", expected=0)) for _ in range(30)), return_exceptions=True
    )
    assert sum(isinstance(answer, tuple) for answer in answers) == 1
    assert sum(isinstance(answer, ConflictError) for answer in answers) == 29


async def test_a_full_queue_refuses_and_stores_nothing(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    group_writer = BatchWriter(broker, max_pending=1)  # not running: nothing leaves the queue
    waiting = asyncio.create_task(group_writer.write(Write("s.a", b"")))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await group_writer.write(Write("s.b", b""))
    waiting.cancel()
    assert await StreamReader(broker, "S").last("s.b") is None
