"""Commands complete exactly once, although processes or the broker are killed at any moment."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.cloud.tests.harness import (
    Cloud,
    each_once,
    event_store_without_projection,
    process,
    runner_of,
    service,
)

COUNT = 30


async def test_operations_complete_after_a_process_is_killed_before_they_are_due(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker)
    async with process(broker_process.url) as first:
        await asyncio.gather(*(cloud.create(f"c{n}") for n in range(COUNT)))
        await first.kill()
    async with process(broker_process.url):
        happened = each_once(await cloud.all_finished(COUNT))
        assert len(happened) == COUNT
        assert all(types[1] is EventType.CREATED for types in happened.values())
        assert len((await cloud.page()).instances) == COUNT
        again = await asyncio.gather(*(cloud.create(f"c{n}") for n in range(COUNT)))
        assert {reply.operation.id for reply in again} == set(happened)


async def test_operations_complete_after_a_process_is_killed_while_finishing(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """Its unacknowledged due messages would be redelivered far too late, so the reconciler takes over."""
    cloud = Cloud(broker)
    async with process(broker_process.url) as first:
        await asyncio.gather(*(cloud.create() for _ in range(COUNT)))
        await cloud.all_finished(1)
        await first.kill()
    async with process(broker_process.url):
        assert len(each_once(await cloud.all_finished(COUNT, timeout=15))) == COUNT


async def test_operations_complete_after_the_broker_is_killed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker)
    async with process(broker_process.url):
        await asyncio.gather(*(cloud.create() for _ in range(COUNT)))
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)
        assert len(each_once(await cloud.all_finished(COUNT))) == COUNT
        await cloud.created()  # the service continues to work


async def test_commands_sent_while_the_broker_is_killed_complete_once(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker)
    async with service(broker):
        await cloud.created()
        sent = [asyncio.create_task(cloud.create(f"c{n}")) for n in range(100)]
        await until_answer(cloud.kept, lambda kept: len(kept) > 10)
        await broker_process.kill()
        await broker_process.start()
        replies = await asyncio.gather(*sent)
        happened = each_once(await cloud.all_finished(101))
        assert {reply.operation.id for reply in replies} < set(happened)
        assert len(happened) == 101


# Each of the three ways to complete an operation, with the other two disabled.


async def test_the_accepting_process_completes_an_operation_by_its_own_timer(broker: NatsConnection) -> None:
    async with service(broker, grace_seconds=600):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        await lose_the_due_message(broker)
        await cloud.finished(operation)
    each_once(await cloud.kept())


async def test_the_schedule_of_the_broker_outlives_the_accepting_process(broker: NatsConnection) -> None:
    cloud = Cloud(broker)
    async with service(broker, delay_seconds=1.0, grace_seconds=600):
        operation = (await cloud.create()).operation
    async with service(broker, grace_seconds=600):
        await cloud.finished(operation)
    each_once(await cloud.kept())


async def test_the_reconciler_completes_an_overdue_operation(broker: NatsConnection) -> None:
    cloud = Cloud(broker)
    async with service(broker, delay_seconds=1.0):
        operation = (await cloud.create()).operation
        await lose_the_due_message(broker)
    async with service(broker):
        await cloud.finished(operation)
    each_once(await cloud.kept())


async def lose_the_due_message(broker: NatsConnection) -> None:
    await broker.jetstream.purge_stream(CLOUD_STREAM, subject="cloud.timers.*")


def by_hand(**more: Any) -> bytes:
    """Return a ``received`` event, as an operator could publish it by hand."""
    usual: dict[str, Any] = {
        "type": EventType.RECEIVED,
        "instance_id": "by-hand",
        "operation_id": "mine",
        "command": Command.CREATE,
        "state": InstanceState.STOPPED,
        "actor": "operator",
        "timestamp": to_milliseconds(BrokerClock()()),
    }
    return encode(InstanceEvent(**(usual | more)))


async def test_an_operation_published_by_hand_completes(cloud: Cloud) -> None:
    await cloud.put(instance_events("by-hand"), by_hand())
    happened = each_once(await cloud.all_finished(1))
    assert happened == {"mine": [EventType.RECEIVED, EventType.CREATED]}
    assert await cloud.instance("by-hand") is not None


async def test_an_operation_due_after_its_retention_completes_earlier(
    broker: NatsConnection,
) -> None:
    never = datetime(9999, 12, 31, tzinfo=UTC)
    async with service(broker, retention_days=6 / 86_400):
        cloud = Cloud(broker)
        await cloud.put(instance_events("by-hand"), by_hand(due_at=never))
        stored, ended = await cloud.all_finished(1)
        assert ended.event.type is EventType.CREATED
        assert ended.message.at - stored.message.at >= timedelta(seconds=3)
        assert await cloud.instance("by-hand") is not None


async def test_two_processes_complete_an_operation_once(cloud: Cloud, broker: NatsConnection) -> None:
    """This happens if its due message is redelivered because a worker is slow."""
    operation = (await cloud.create()).operation
    async with (
        event_store_without_projection(broker) as mine,
        event_store_without_projection(broker) as yours,
    ):
        both = [runner_of(broker, events) for events in (mine, yours)]
        await asyncio.gather(*(one.finish(operation.instance_id, operation.id) for one in both))
    await cloud.finished(operation)
    assert len(each_once(await cloud.kept())) == 1
