"""Leases of gateways against a real broker."""

import asyncio

import pytest

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.leases import GatewayLease, live_gateways
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.jetstream.streams import GATEWAY_LEASE_SECONDS, ensure_stream, gateways_bucket
from opsroom_messaging.runtime.process import running
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer


@pytest.fixture
async def bucket(broker: NatsConnection) -> None:
    await ensure_stream(broker, gateways_bucket(replicas=1))


async def test_who_holds_a_lease_is_alive(broker: NatsConnection, bucket: None) -> None:
    assert await live_gateways(broker) == frozenset()
    await GatewayLease(broker, "one").take()
    await GatewayLease(broker, "other").take()
    await GatewayLease(broker, "other").take()
    assert await live_gateways(broker) == {"one", "other"}


async def test_a_lease_is_given_up_in_order(broker: NatsConnection, bucket: None) -> None:
    lease = GatewayLease(broker, "one")
    await lease.take()
    async with running(lease=lease.run()):
        assert await live_gateways(broker) == {"one"}
        await asyncio.sleep(0)
    assert await live_gateways(broker) == frozenset()


async def test_a_lease_that_is_not_renewed_runs_out(broker: NatsConnection, bucket: None) -> None:
    stream = f"KV_{subjects.GATEWAYS_BUCKET}"
    config = (await broker.jetstream.stream_info(stream)).config
    assert config.max_age == GATEWAY_LEASE_SECONDS
    await broker.jetstream.update_stream(config.evolve(max_age=1, duplicate_window=1))
    await GatewayLease(broker, "one").take()
    assert await live_gateways(broker) == {"one"}
    await until_answer(lambda: live_gateways(broker), lambda alive: not alive, timeout=5)


async def test_a_lease_is_renewed_as_soon_as_the_broker_is_back(
    broker: NatsConnection, broker_process: BrokerProcess, bucket: None
) -> None:
    lease = GatewayLease(broker, "one")
    await lease.take()
    async with running(lease=lease.run()):
        await asyncio.sleep(0)
        key_value = await broker.jetstream.key_value(subjects.GATEWAYS_BUCKET)
        await key_value.purge("one")
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        await until_answer(lambda: live_gateways(broker), lambda alive: "one" in alive, timeout=3)


async def test_without_a_broker_it_is_said_that_nothing_is_known(
    broker: NatsConnection, broker_process: BrokerProcess, bucket: None
) -> None:
    await broker.jetstream.delete_stream(f"KV_{subjects.GATEWAYS_BUCKET}")
    with pytest.raises(UnavailableError, match="gateways"):
        await live_gateways(broker)
    with pytest.raises(UnavailableError, match="one"):
        await GatewayLease(broker, "one").take()


async def test_listing_takes_no_consumer(broker: NatsConnection, bucket: None) -> None:
    """It is done all the time, and a cluster has to agree on each."""
    made: list[bytes] = []
    await broker.listen("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>", made.append)
    await GatewayLease(broker, "one").take()
    assert await live_gateways(broker) == {"one"}
    await broker.client.flush()
    assert made == []
