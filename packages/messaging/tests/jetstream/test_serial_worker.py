"""A consumer that hands out one message at a time, across releases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.serial_worker import SerialConsumer, SerialWorker, StartAt, Taken
from opsroom_messaging.jetstream.streams import ensure_stream, incidents_stream
from opsroom_testkit.waiting import until

CARDS, ROTAS = subjects.card_subject("one"), subjects.rota_subject("one")


@asynccontextmanager
async def taking(broker: NatsConnection, start: StartAt, *filters: str) -> AsyncIterator[list[str]]:
    """Take what there is on some subjects; yields the subjects of what was taken."""
    taken: list[str] = []

    async def begin() -> StartAt:
        return start

    async def handle(one: Taken) -> float | None:
        taken.append(one.message.subject)
        return None

    consumer = SerialConsumer(
        stream=subjects.INCIDENTS_STREAM, durable="tried", subjects=filters, ack_wait=5.0
    )
    running = asyncio.create_task(SerialWorker(broker, consumer, start=begin, handle=handle).run())
    try:
        yield taken
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.parametrize("start", [StartAt(1), StartAt(moment=datetime(2020, 1, 1, tzinfo=UTC))])
async def test_a_later_release_adds_subjects_and_the_place_is_kept(
    broker: NatsConnection, start: StartAt
) -> None:
    await ensure_stream(broker, incidents_stream(replicas=1))
    await broker.jetstream.publish(CARDS, b"")
    async with taking(broker, start, subjects.CARDS) as taken:
        await until(lambda: taken == [CARDS])
        await until_acknowledged(broker)
    for _ in range(2):
        await broker.jetstream.publish(CARDS, b"")
        async with taking(broker, start, subjects.CARDS, subjects.ROTAS) as taken:
            await until(lambda: taken)
            await broker.jetstream.publish(ROTAS, b"")
            await until(lambda: len(taken) > 1)
            await until_acknowledged(broker)
        assert taken == [CARDS, ROTAS]


async def until_acknowledged(broker: NatsConnection) -> None:
    """Wait until everything that was handed out is done."""
    jetstream = broker.jetstream
    while (await jetstream.consumer_info(subjects.INCIDENTS_STREAM, "tried")).num_ack_pending:
        await asyncio.sleep(0.01)
