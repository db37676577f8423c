"""Gateway leases, against a real broker."""

import asyncio

import pytest

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.leases import GatewayLease, live_gateways
from opsroom_messaging.jetstream.streams import GATEWAY_LEASE_SECONDS, ensure_stream, gateways_bucket
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer


@pytest.fixture
async def bucket(broker: NatsConnection) -> None:
    await ensure_stream(broker, gateways_bucket(replicas=1))


async def test_gateways_with_a_lease_are_live(broker: NatsConnection, bucket: None) -> None:
    assert await live_gateways(broker) == frozenset()
    await GatewayLease(broker, "one").acquire()
    await GatewayLease(broker, "other").acquire()
    await GatewayLease(broker, "other").acquire()
    assert await live_gateways(broker) == {"one", "other"}


async def test_a_lease_is_released_at_the_end(broker: NatsConnection, bucket: None) -> None:
    lease = GatewayLease(broker, "one")
    await lease.acquire()
    async with run_tasks(lease=lease.run()):
        assert await live_gateways(broker) == {"one"}
        await asyncio.sleep(0)
    assert await live_gateways(broker) == frozenset()


async def test_a_lease_that_is_not_renewed_expires(broker: NatsConnection, bucket: None) -> None:
    stream = f"KV_{subjects.GATEWAYS_BUCKET}"
    config = (await broker.jetstream.stream_info(stream)).config
    assert config.max_age == GATEWAY_LEASE_SECONDS
    await broker.jetstream.update_stream(config.evolve(max_age=1, duplicate_window=1))
    await GatewayLease(broker, "one").acquire()
    assert await live_gateways(broker) == {"one"}
    await until_answer(lambda: live_gateways(broker), lambda alive: not alive, timeout=5)


async def test_a_lease_is_renewed_as_soon_as_the_broker_is_back(
    broker: NatsConnection, broker_process: BrokerProcess, bucket: None
) -> None:
    lease = GatewayLease(broker, "one")
    await lease.acquire()
    async with run_tasks(lease=lease.run()):
        await asyncio.sleep(0)
        key_value = await broker.jetstream.key_value(subjects.GATEWAYS_BUCKET)
        await key_value.purge("one")
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        await until_answer(lambda: live_gateways(broker), lambda alive: "one" in alive, timeout=3)


async def test_without_the_bucket_requests_fail(
    broker: NatsConnection, broker_process: BrokerProcess, bucket: None
) -> None:
    await broker.jetstream.delete_stream(f"KV_{subjects.GATEWAYS_BUCKET}")
    with pytest.raises(UnavailableError, match="gateways"):
        await live_gateways(broker)
    with pytest.raises(UnavailableError, match="one"):
        await GatewayLease(broker, "one").acquire()


async def test_listing_creates_no_consumer(broker: NatsConnection, bucket: None) -> None:
    """It happens often, and a cluster must reach a consensus for each consumer."""
    created: list[bytes] = []
    await broker.subscribe("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>", created.append)
    await GatewayLease(broker, "one").acquire()
    assert await live_gateways(broker) == {"one"}
    await broker.client.flush()
    assert created == []
