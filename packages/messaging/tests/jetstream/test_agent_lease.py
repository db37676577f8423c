"""Leases of agents, against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from opsroom_contracts.agents.records import AGENT_LEASE, AgentLease
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import AGENTS_STREAM, agent_lease
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.agent_lease import LeaseTiming, ProviderLease
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import agents_stream, ensure_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer

QUICK = LeaseTiming(lifetime=2, margin=0.5, renew=0.3, retry=0.1)
PATIENT = LeaseTiming(renew=0.2, retry=0.1)


@pytest.fixture
async def stream(broker: NatsConnection) -> None:
    await ensure_stream(broker, agents_stream(replicas=1))


async def stored(broker: NatsConnection) -> AgentLease | None:
    """The lease that the broker has."""
    last = await StreamReader(broker, AGENTS_STREAM).last(agent_lease("docker"))
    return None if last is None else AGENT_LEASE.read(last.data)


@asynccontextmanager
async def keeping(lease: ProviderLease) -> AsyncIterator["asyncio.Task[str]"]:
    task = asyncio.create_task(lease.keep())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_one_of_ten_processes_gets_the_lease(broker: NatsConnection, stream: None) -> None:
    leases = [ProviderLease(broker, "docker", f"p{number}", timing=PATIENT) for number in range(10)]
    waits = [asyncio.create_task(lease.acquire()) for lease in leases]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(waits, timeout=0.5)
    assert sum(lease.held for lease in leases) == 1
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    holder = next(lease for lease in leases if lease.held)
    holder.check()
    for other in leases:
        if other is not holder:
            with pytest.raises(FaultError, match="does not hold the lease"):
                other.check()


async def test_leases_of_other_providers_are_independent(broker: NatsConnection, stream: None) -> None:
    for provider in ("docker", "lab"):
        await ProviderLease(broker, provider, "one").acquire()


async def test_a_released_lease_is_taken_at_once(broker: NatsConnection, stream: None) -> None:
    first = ProviderLease(broker, "docker", "first", timing=PATIENT)
    second = ProviderLease(broker, "docker", "second", timing=PATIENT)
    await first.acquire()
    await first.release()
    assert not first.held
    async with asyncio.timeout(5):
        await second.acquire()
    assert second.held
    assert await stored(broker) == AgentLease(process="second")


async def test_a_lease_that_is_not_renewed_goes_to_a_process_that_stands_by(
    broker: NatsConnection, stream: None
) -> None:
    dead = ProviderLease(broker, "docker", "dead", timing=QUICK)
    await dead.acquire()
    waiting = ProviderLease(broker, "docker", "waiting", timing=QUICK)
    async with asyncio.timeout(10):
        await waiting.acquire()
    assert waiting.held
    assert not dead.held, "its holder must count it as lost before the broker gives it to another"


async def test_a_renewed_lease_stays(broker: NatsConnection, stream: None) -> None:
    lease = ProviderLease(broker, "docker", "one", timing=QUICK)
    await lease.acquire()
    reader = StreamReader(broker, AGENTS_STREAM)
    async with keeping(lease) as task:
        # Eight renewals take longer than the lifetime of the lease.
        await until_answer(reader.bounds, lambda bounds: bounds.last >= 9, timeout=20)
        assert lease.held
        assert not task.done()


async def test_a_lease_that_another_process_has_is_lost_at_the_next_renewal(
    broker: NatsConnection, stream: None
) -> None:
    lease = ProviderLease(broker, "docker", "one", timing=PATIENT)
    await lease.acquire()
    async with keeping(lease) as task:
        payload = AgentLease(process="other").model_dump_json().encode()
        await broker.jetstream.publish(agent_lease("docker"), payload)
        async with asyncio.timeout(5):
            assert "another process" in await task
    assert not lease.held
    with pytest.raises(FaultError):
        lease.check()


async def test_a_renewal_whose_reply_was_lost_is_no_loss(broker: NatsConnection, stream: None) -> None:
    lease = ProviderLease(broker, "docker", "one", timing=PATIENT)
    await lease.acquire()
    async with keeping(lease) as task:
        payload = AgentLease(process="one").model_dump_json().encode()
        written = await broker.jetstream.publish(agent_lease("docker"), payload)
        reader = StreamReader(broker, AGENTS_STREAM)
        await until_answer(reader.bounds, lambda bounds: bounds.last > written.seq + 1)
        assert lease.held
        assert not task.done()


async def test_without_a_broker_the_lease_is_lost_in_time(
    broker: NatsConnection, broker_process: BrokerProcess, stream: None
) -> None:
    lease = ProviderLease(broker, "docker", "one", timing=QUICK)
    await lease.acquire()
    async with keeping(lease) as task:
        await broker_process.kill()
        async with asyncio.timeout(10):
            assert "renewed in time" in await task
    assert not lease.held
    await broker_process.start()
    await until(lambda: broker.connected)
    async with asyncio.timeout(20):
        await lease.acquire()
    assert lease.held


async def test_the_time_of_a_lease_counts_from_before_it_was_sent(
    broker: NatsConnection, stream: None
) -> None:
    """Also while the machine is suspended: the clock includes that time."""
    now = 100.0
    lease = ProviderLease(broker, "docker", "one", clock=lambda: now)
    await lease.acquire()
    now = 112.9
    assert lease.held
    now = 113.0
    assert not lease.held


async def test_a_lease_of_a_newer_release_is_respected(broker: NatsConnection, stream: None) -> None:
    await broker.jetstream.publish(agent_lease("docker"), b'{"version":2,"process":"x","shared":true}')
    lease = ProviderLease(broker, "docker", "one", timing=PATIENT)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await lease.acquire()
    assert not lease.held
