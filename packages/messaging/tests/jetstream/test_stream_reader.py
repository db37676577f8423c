"""StreamReader, against a real broker."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks


@pytest.fixture
async def reader(broker: NatsConnection) -> StreamReader:
    """A stream of 700 messages, alternately on ``s.odd.*`` and ``s.even.*``; message n has sequence n."""
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(
            *(writer.write(Write(f"s.{('even', 'odd')[n % 2]}.{n}", str(n).encode())) for n in range(1, 701))
        )
    return StreamReader(broker, "S")


@pytest.mark.parametrize(
    ("subject", "start", "count", "wanted"),
    [
        ("s.>", 1, 10, range(1, 11)),
        ("s.>", 0, 3, range(1, 4)),
        ("s.>", -5, 3, range(1, 4)),
        ("s.even.>", 1, 5, range(2, 12, 2)),
        ("s.odd.>", 100, 5, range(101, 111, 2)),
        ("s.>", 698, 100, range(698, 701)),
        ("s.>", 1, 1000, range(1, 701)),
        ("s.>", 701, 10, range(0)),
        ("s.>", 2**63, 10, range(0)),
        ("s.nothing.>", 1, 10, range(0)),
        ("s.even.8", 1, 10, range(8, 9)),
    ],
)
async def test_a_page_has_the_matching_messages_from_a_sequence_on(
    reader: StreamReader, subject: str, start: int, count: int, wanted: range
) -> None:
    page = await reader.page(subject, start=start, count=count)
    assert [stored.seq for stored in page] == list(wanted)
    assert [stored.data for stored in page] == [str(n).encode() for n in wanted]


async def test_a_busy_process_reads_a_page_in_few_turns_of_its_event_loop(reader: StreamReader) -> None:
    turns = 0

    async def work() -> None:
        nonlocal turns
        while True:
            time.sleep(0.002)  # noqa: ASYNC251 - other work of the process, which takes a while in each turn
            turns += 1
            await asyncio.sleep(0)

    async with run_tasks(work=work()):
        page = await reader.page("s.>", start=1, count=400)
    assert len(page) == 400
    assert turns < 100


async def test_consecutive_pages_cover_the_stream(reader: StreamReader) -> None:
    seen: list[int] = []
    while page := await reader.page("s.odd.>", start=seen[-1] + 1 if seen else 1, count=47):
        seen += [stored.seq for stored in page]
    assert seen == list(range(1, 700, 2))


@pytest.mark.parametrize(
    ("subject", "start", "count"),
    [("s.odd.>", 1, 350), ("s.odd.>", 100, 300), ("s.>", 700, 1), ("s.>", 701, 0), ("s.none.>", 1, 0)],
)
async def test_messages_from_a_sequence_on_are_counted(
    reader: StreamReader, broker: NatsConnection, subject: str, start: int, count: int
) -> None:
    assert await reader.count(subject, start=start) == count
    await broker.jetstream.delete_msg("S", 699)
    assert await reader.count("s.odd.>", start=600) == 49


async def test_concurrent_pages_do_not_mix(reader: StreamReader) -> None:
    pages = await asyncio.gather(*(reader.page("s.>", start=n, count=5) for n in range(1, 101)))
    assert [[stored.seq for stored in page] for page in pages] == [
        list(range(n, n + 5)) for n in range(1, 101)
    ]


async def test_deleted_messages_are_skipped(reader: StreamReader, broker: NatsConnection) -> None:
    for seq in (1, 2, 5):
        await broker.jetstream.delete_msg("S", seq)
    assert [stored.seq for stored in await reader.page("s.>", start=1, count=4)] == [3, 4, 6, 7]
    bounds = await reader.bounds()
    assert (bounds.first, bounds.last) == (3, 700)


async def test_the_last_message_of_a_subject_has_its_storage_time(reader: StreamReader) -> None:
    stored = await reader.last("s.even.700")
    assert stored is not None
    assert (stored.seq, stored.subject, stored.data) == (700, "s.even.700", b"700")
    assert timedelta() <= datetime.now(UTC) - stored.at < timedelta(minutes=1)
    (paged,) = await reader.page("s.even.700", start=1, count=1)
    assert paged.at == stored.at
    assert await reader.last("s.even.702") is None


async def test_an_empty_stream_has_first_after_last(broker: NatsConnection) -> None:
    await ensure_stream(broker, StreamSpec("S", ("s.>",)))
    reader = StreamReader(broker, "S")
    bounds = await reader.bounds()
    assert bounds.first == bounds.last + 1
    assert await reader.page("s.>", start=1, count=5) == []
    assert await reader.last("s.a") is None


async def test_a_purged_stream_has_first_after_last(reader: StreamReader, broker: NatsConnection) -> None:
    await broker.jetstream.purge_stream("S")
    bounds = await reader.bounds()
    assert (bounds.first, bounds.last) == (701, 700)


async def test_a_missing_stream_is_unavailable_not_empty(broker: NatsConnection) -> None:
    reader = StreamReader(broker, "S")
    with pytest.raises(UnavailableError, match="bounds of S"):
        await reader.bounds()
    with pytest.raises(UnavailableError):
        await reader.page("s.>", start=1, count=1)
    with pytest.raises(UnavailableError, match=r"reading s\.a"):
        await reader.last("s.a")
