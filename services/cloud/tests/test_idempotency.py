"""A command with the same client id completes once, however often and wherever it is sent."""

import asyncio
import json
import random

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import InstanceEvent, OperationStatus
from opsroom_contracts.cloud.requests import InstanceRequest
from opsroom_contracts.errors import FAULT, ErrorCode, FaultError
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import (
    FINAL,
    Cloud,
    commands_of,
    each_once,
    event_store_without_projection,
    projected,
    refusal,
    service,
)

SOON = 0.3


async def test_a_retry_returns_the_same_operation(cloud: Cloud) -> None:
    first = await cloud.create("a")
    again = await cloud.create("a")
    assert again == first
    done = await cloud.finished(first.operation)
    late = await cloud.create("a")
    assert late.operation == done
    assert late.operation.status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_a_late_retry_returns_the_same_operation(cloud: Cloud) -> None:
    """Even after many other commands, and even if the command would be valid again."""
    created = (await cloud.create("birth")).operation
    await cloud.finished(created)
    instance_id = created.instance_id
    started = (await cloud.change(Command.START, instance_id, "go")).operation
    await cloud.finished(started)
    await cloud.finished((await cloud.change(Command.STOP, instance_id)).operation)
    again = (await cloud.change(Command.START, instance_id, "go")).operation
    assert (again.id, again.status) == (started.id, OperationStatus.DONE)
    await cloud.finished((await cloud.change(Command.REMOVE, instance_id, "end")).operation)
    assert (await cloud.create("birth")).operation.status is OperationStatus.DONE
    again = (await cloud.change(Command.START, instance_id, "go")).operation
    assert (again.id, again.status) == (started.id, OperationStatus.DONE)
    assert (await cloud.page()).instances == ()
    assert len(each_once(await cloud.kept())) == 4


async def test_a_retry_of_a_cancelled_command_returns_cancelled(cloud: Cloud) -> None:
    operation = (await cloud.create("a")).operation
    await cloud.cancel(operation.id)
    again = (await cloud.create("a")).operation
    assert (again.id, again.status) == (operation.id, OperationStatus.CANCELLED)


async def test_a_key_belongs_to_an_identity_under_all_its_names(cloud: Cloud) -> None:
    first, other = await asyncio.gather(
        cloud.create("key/a", "ann", "token:a"), cloud.create("key/a", "ann", "token:b")
    )
    assert first.operation.id != other.operation.id
    assert (await cloud.create("key/a", "an alias", "token:a")).operation.id == first.operation.id


async def test_a_key_from_before_identities_returns_the_first_operation_of_the_same_actor(
    cloud: Cloud,
) -> None:
    before = (await cloud.create("key/a", "ann")).operation
    assert (await cloud.create("key/a", "ann", "token:a")).operation.id == before.id
    assert (await cloud.create("key/a", "bob", "token:b")).operation.id != before.id
    await cloud.finished(before)
    assert (await cloud.create("key/a", "ann", "token:a")).operation.status is OperationStatus.DONE


async def test_one_key_for_two_commands_is_refused(cloud: Cloud) -> None:
    first, second = await asyncio.gather(cloud.created(), cloud.created())
    used = (await cloud.change(Command.START, first, "mine")).operation
    before = await accepted_events(cloud)
    for requests in (
        cloud.change(Command.START, second, "mine"),
        cloud.change(Command.REMOVE, first, "mine"),
        cloud.create("mine"),
    ):
        fault = await refusal(requests)
        assert (fault.code, fault.operation_id) == (ErrorCode.IDEMPOTENCY_MISMATCH, used.id)
    assert await accepted_events(cloud) == before


async def accepted_events(cloud: Cloud) -> list[tuple[int, InstanceEvent]]:
    """Return the events that accepted commands, with their sequences."""
    return [(one.message.seq, one.event) for one in await cloud.kept() if one.event.type not in FINAL]


async def test_a_retry_of_a_request_in_flight_is_refused(cloud: Cloud, broker: NatsConnection) -> None:
    """Both requests are in one packet, so the second is read before the first is stored."""
    payload = json.dumps({"clientId": "a"}).encode()
    replies = await asyncio.gather(
        *(broker.client.request(endpoints.CREATE_INSTANCE.subject, payload) for _ in range(2))
    )
    faults = [FAULT.validate_json(reply.data) for reply in replies if reply.headers]
    assert [fault.code for fault in faults] == [ErrorCode.IDEMPOTENCY_IN_FLIGHT]
    await cloud.all_finished(1)
    each_once(await cloud.kept())


async def test_a_key_can_be_reused_after_its_record_expired(cloud: Cloud) -> None:
    operation = (await cloud.create("a")).operation
    await cloud.cancel(operation.id)
    await broker_forgets(cloud, f"cloud.operations.{operation.id}")
    again = (await cloud.create("a")).operation
    assert (again.id, again.status) == (operation.id, OperationStatus.PENDING)
    assert (await cloud.finished(again)).status is OperationStatus.DONE


async def broker_forgets(cloud: Cloud, subject: str) -> None:
    await cloud.broker.jetstream.purge_stream(CLOUD_STREAM, subject=subject)


async def test_a_lagging_process_decides_by_the_stored_events(cloud: Cloud, broker: NatsConnection) -> None:
    """The subscription of the second process has delivered nothing yet, so its projection is empty."""
    instance_id = await cloud.created()
    async with event_store_without_projection(broker) as events:
        lagging = commands_of(broker, events, SOON)
        with pytest.raises(FaultError) as pointless:
            await lagging.change(Command.STOP, InstanceRequest(instance_id=instance_id))
        assert pointless.value.fault.code is ErrorCode.TRANSITION_INVALID
        started = await lagging.change(Command.START, InstanceRequest(instance_id=instance_id))
        mine = events.known(instance_id).instance
        assert mine is not None
        assert mine.pending is not None, "a process sees its own write immediately"
        assert mine.pending.id == started.operation.id
    assert (await cloud.finished(started.operation)).status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_two_processes_accept_one_command_per_instance(
    broker_process: BrokerProcess, broker: NatsConnection
) -> None:
    other = await connect(broker_process.url, name="other")
    # Long enough that no operation ends before all requests are sent, even on a busy machine.
    async with service(broker, delay_seconds=2.0), service(other, delay_seconds=2.0):
        cloud = Cloud(broker)
        instances = await asyncio.gather(*(cloud.created() for _ in range(10)))
        replies = await asyncio.gather(
            *(cloud.change(Command.START, i) for i in instances for _ in range(4)),
            return_exceptions=True,
        )
        accepted = [a.operation.id for a in replies if not isinstance(a, BaseException)]
        refused = [a.fault for a in replies if isinstance(a, FaultError)]
        assert (len(accepted), len(refused)) == (10, 30)
        assert {fault.code for fault in refused} == {ErrorCode.OPERATION_PENDING}
        assert {fault.operation_id for fault in refused} == set(accepted)
        assert len(each_once(await cloud.all_finished(20))) == 20
    await other.close()


async def test_random_commands_to_two_processes_leave_a_consistent_history(
    broker_process: BrokerProcess, broker: NatsConnection
) -> None:
    dice = random.Random(7)
    other = await connect(broker_process.url, name="other")
    async with service(broker, delay_seconds=0.05, failure_rate=0.2), service(other, delay_seconds=0.05):
        cloud = Cloud(broker)
        instances = [*await asyncio.gather(*(cloud.created() for _ in range(4))), "nobody"]
        accepted = {one.event.operation_id for one in await cloud.kept()}
        commands = (Command.START, Command.STOP, Command.REMOVE)
        for _ in range(25):
            requests = [
                cloud.change(dice.choice(commands[: 2 + (dice.random() < 0.1)]), dice.choice(instances), name)
                for name in (None, None, *(str(dice.randrange(60)) for _ in range(4)))
            ]
            replies = await asyncio.gather(*requests, return_exceptions=True)
            accepted |= {a.operation.id for a in replies if not isinstance(a, BaseException)}
            assert all(isinstance(a, FaultError) for a in replies if isinstance(a, BaseException))
        happened = each_once(await cloud.all_finished(len(accepted)))
        assert set(happened) == accepted
        page = await cloud.page()
        assert {instance.id: instance for instance in page.instances} == projected(await cloud.kept())
        for instance_id in instances:
            types = [one.event.type for one in await cloud.kept(instance_events(instance_id))]
            assert all((kind in FINAL) == (place % 2 == 1) for place, kind in enumerate(types))
    await other.close()
