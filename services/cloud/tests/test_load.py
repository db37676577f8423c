"""Bursts: each command completes once and never early, by the broker's clock.

``./opsroom bench`` measures lateness and throughput.
"""

import asyncio
from datetime import timedelta

import psutil
import pytest

from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_contracts.cloud.commands import EventType
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import Cloud, Kept, each_once, process, service

BURST = 10_000
MEMORY_BYTES = 300 * 1024**2


def lateness(kept: list[Kept]) -> list[timedelta]:
    """Return how late each operation ended; check that its whole delay passed after it was stored."""
    received = {one.event.operation_id: one for one in kept if one.event.type is EventType.RECEIVED}
    late = []
    for one in kept:
        if one.event.type is EventType.CREATED:
            begun = received[one.event.operation_id]
            assert begun.event.due_at is not None
            delay = begun.event.due_at - begun.event.timestamp
            assert one.message.at - begun.message.at >= delay, "early"
            late.append(one.message.at - begun.event.due_at)
    return late


@pytest.mark.alone
@pytest.mark.timeout(600)
async def test_every_command_of_a_burst_completes_once(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker, attempt=120.0, timeout=300.0)
    delay = 2.0
    async with process(broker_process.url, CLOUD_DELAY_SECONDS=str(delay)) as cloud_process:
        await cloud.page()
        measured = psutil.Process(cloud_process.process.pid)
        replies = await asyncio.gather(*(cloud.create(f"c{n}") for n in range(BURST)))
        kept = await cloud.all_finished(BURST, timeout=300)
        memory = measured.memory_info().rss
        _, logged = await cloud_process.stop()
    assert len({reply.operation.id for reply in replies}) == BURST
    assert set(each_once(kept)) == {reply.operation.id for reply in replies}
    assert min(lateness(kept)) >= timedelta()
    assert memory <= MEMORY_BYTES
    assert '"level": "error"' not in logged


async def test_the_default_delay_of_ten_seconds(broker: NatsConnection) -> None:
    async with service(broker, SimulatedProvider(0), delay_seconds=10.0):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        assert operation.due_at - operation.accepted_at == timedelta(seconds=10)
        kept = await cloud.all_finished(1)
    each_once(kept)
    (late,) = lateness(kept)
    assert late >= timedelta()
