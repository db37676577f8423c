"""Messages that replace others, on a broker that crashes: what was replaced does not come back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from nats.js.api import Header

from opsroom_contracts.subjects import MEMBERS_STREAM, restriction_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_messaging.jetstream.superseded import SupersededMessages
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer

BAN = restriction_subject("a")
OTHER = restriction_subject("b")


@asynccontextmanager
async def members(url: str) -> AsyncIterator[tuple[NatsConnection, BatchWriter, StreamReader]]:
    """A connection, a writer and a reader of the stream of members."""
    broker = await connect(url, name="test")
    try:
        await ensure_stream(broker, members_stream(replicas=1))
        writer = BatchWriter(broker)
        async with run_tasks(writer=writer.run()):
            yield broker, writer, StreamReader(broker, MEMBERS_STREAM)
    finally:
        await broker.close()


async def gone(reader: StreamReader, subject: str) -> None:
    """Wait until the subject has no message."""
    await until_answer(lambda: reader.last(subject), lambda last: last is None)


async def test_what_an_expired_message_replaced_does_not_come_back_after_a_crash(tmp_path: Path) -> None:
    server = BrokerProcess(tmp_path)
    await server.start()
    try:
        async with members(server.url) as (_, writer, reader):
            await writer.write(Write(OTHER, b"1", replaces=True), Write(BAN, b"banned", replaces=True))
            await writer.write(Write(OTHER, b"2", replaces=True), Write(BAN, b"lifted", ttl=1, replaces=True))
            await gone(reader, BAN)
            await server.kill()
        await server.start()
        async with members(server.url) as (_, _, reader):
            assert await reader.last(BAN) is None
            kept = await reader.last(OTHER)
            assert kept is not None
            assert kept.data == b"2"
    finally:
        await server.stop()


async def test_what_an_older_release_left_is_removed_and_the_last_record_expires_as_it_should(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, members_stream(replicas=1))
    for subject, payload, ttl in ((BAN, b"banned", None), (OTHER, b"kept", None), (BAN, b"lifted", "2s")):
        headers = None if ttl is None else {Header.MSG_TTL.value: ttl}
        await broker.jetstream.publish(subject, payload, headers=headers)
    writer, reader = BatchWriter(broker), StreamReader(broker, MEMBERS_STREAM)
    superseded = SupersededMessages(broker, MEMBERS_STREAM, writer, lambda: datetime.now(UTC))
    async with run_tasks(writer=writer.run()):
        before = await reader.last(OTHER)
        await superseded.remove()
        last = await reader.last(BAN)
        assert last is not None
        assert last.data == b"lifted"
        assert (await broker.jetstream.stream_info(MEMBERS_STREAM)).state.messages == 2
        await superseded.remove()
        assert await reader.last(OTHER) == before
        await gone(reader, BAN)
        assert await reader.last(OTHER) == before


async def test_nothing_is_removed_from_an_empty_stream(broker: NatsConnection) -> None:
    await ensure_stream(broker, members_stream(replicas=1))
    writer = BatchWriter(broker)
    await SupersededMessages(broker, MEMBERS_STREAM, writer, lambda: datetime.now(UTC)).remove()


async def test_a_message_with_another_kind_of_ttl_is_left_alone_and_stops_no_other(
    broker: NatsConnection,
) -> None:
    await ensure_stream(broker, members_stream(replicas=1))
    for subject in (BAN, OTHER):
        await broker.jetstream.publish(subject, b"1")
    await broker.jetstream.publish(BAN, b"2", headers={Header.MSG_TTL.value: "1m"})
    await broker.jetstream.publish(OTHER, b"2")
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        await SupersededMessages(broker, MEMBERS_STREAM, writer, lambda: datetime.now(UTC)).remove()
    assert (await broker.jetstream.stream_info(MEMBERS_STREAM)).state.messages == 3
