"""Probe writes and leases, on brokers that store nothing for a while."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.leases import GatewayLease
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import (
    cloud_stream,
    ensure_stream,
    gateways_bucket,
    probes_stream,
)
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import CAN_FILL_DISK, BrokerProcess
from opsroom_testkit.waiting import until

pytestmark = pytest.mark.skipif(not CAN_FILL_DISK, reason="needs prlimit")

SUSPECTS = {subjects.CLOUD_STREAM: subjects.operation_record(subjects.PROBE_ID)}


@asynccontextmanager
async def probing(broker: NatsConnection, *, exists: bool = True) -> AsyncIterator[None]:
    """Probe as the cloud service does. ``exists``: whether there is a stream for probes."""
    await ensure_stream(broker, cloud_stream(replicas=1))
    if exists:
        await ensure_stream(broker, probes_stream(replicas=1))
    probe = WriteProbe(broker, subjects.CLOUD_SERVICE, SUSPECTS, exists=lambda: exists)
    async with run_tasks(probe=probe.run()):
        if exists:
            await landed(broker, subjects.PROBES_STREAM)
        yield


def failing(broker: NatsConnection, stream: str) -> str:
    """The value of the metric."""
    text = broker.metrics.render("")[0].decode()
    lines = [line for line in text.splitlines() if line.startswith("opsroom_writes_failing{")]
    return next((line.split()[-1] for line in lines if f'"{stream}"' in line), "")


async def landed(broker: NatsConnection, stream: str) -> None:
    await until(lambda: failing(broker, stream) == "0.0" and broker.readiness.problem() is None)


async def failed(broker: NatsConnection, stream: str) -> None:
    await until(lambda: failing(broker, stream) == "1.0" and stream in (broker.readiness.problem() or ""))


async def test_a_full_disk_shows_until_writes_land_again(
    broker: NatsConnection, broker_process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with probing(broker):
        broker_process.fill_disk()
        await failed(broker, subjects.PROBES_STREAM)
        broker_process.free_disk()
        await broker_process.stop()
        await broker_process.start()
        await landed(broker, subjects.PROBES_STREAM)
    lines = [text for text in caplog.messages if text.startswith("writing to PROBES")]
    assert len(lines) < 5, lines


async def test_a_gateway_without_a_stored_lease_is_not_ready(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    await ensure_stream(broker, gateways_bucket(replicas=1))
    lease = GatewayLease(broker, "g1")
    await lease.acquire()
    async with run_tasks(lease=lease.run()):
        await landed(broker, "KV_gateways")
        broker_process.fill_disk()
        await failed(broker, "KV_gateways")
        await broker_process.stop()
        await broker_process.start()
        await landed(broker, "KV_gateways")


async def test_a_stream_that_refuses_writes_alone_shows_after_the_first_of_them(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """Once a write has failed, the broker refuses all further ones to this stream."""
    writer = BatchWriter(broker)
    async with probing(broker), run_tasks(writer=writer.run()):
        broker_process.fill_disk()
        with pytest.raises(UnavailableError):
            await writer.write(Write("cloud.events.x", b"x"))
        broker_process.free_disk()
        await failed(broker, subjects.CLOUD_STREAM)
        await broker_process.stop()
        await broker_process.start()
        await landed(broker, subjects.CLOUD_STREAM)
        reader = StreamReader(broker, subjects.CLOUD_STREAM)
        await until_gone(reader)


async def until_gone(reader: StreamReader) -> None:
    """Wait until the probe in the service's own stream has expired."""
    while await reader.last(subjects.CLOUD_OPERATIONS) is not None:
        await asyncio.sleep(0.1)


async def test_without_a_stream_for_probes_writes_of_the_service_are_what_shows(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """With the permissions of an older release."""
    writer = BatchWriter(broker)
    async with probing(broker, exists=False), run_tasks(writer=writer.run()):
        assert broker.readiness.problem() is None
        await broker.jetstream.delete_stream(subjects.CLOUD_STREAM)
        with pytest.raises(UnavailableError):
            await writer.write(Write("cloud.events.x", b"x"))
        await failed(broker, subjects.CLOUD_STREAM)
        await ensure_stream(broker, cloud_stream(replicas=1))
        await landed(broker, subjects.CLOUD_STREAM)
