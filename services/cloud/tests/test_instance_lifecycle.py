"""The life cycle of an instance end to end, over NATS."""

import asyncio
from datetime import timedelta

import pytest

from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import COMMANDS, Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.cloud.models import DueOperation, Operation, OperationStatus
from opsroom_contracts.cloud.requests import OperationReply
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import instance_due, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until
from services.cloud.tests.harness import DELAY_SECONDS, Cloud, each_once, projected, refusal, service


async def test_the_life_of_an_instance_from_create_to_remove(cloud: Cloud) -> None:
    created = await cloud.create()
    instance_id = created.operation.instance_id
    assert created.operation.status is OperationStatus.PENDING
    born = await cloud.instance(instance_id)
    assert born is not None
    assert born.pending is not None
    assert (born.state, born.pending.id) == (InstanceState.STOPPED, created.operation.id)

    assert (await cloud.finished(created.operation)).status is OperationStatus.DONE
    for command, state in ((Command.START, InstanceState.RUNNING), (Command.STOP, InstanceState.STOPPED)):
        reply = await cloud.change(command, instance_id)
        await cloud.finished(reply.operation)
        instance = await cloud.instance(instance_id)
        assert instance is not None
        assert (instance.state, instance.pending) == (state, None)
    await cloud.finished((await cloud.change(Command.REMOVE, instance_id)).operation)
    assert await cloud.instance(instance_id) is None

    kept = await cloud.kept(instance_events(instance_id))
    assert [one.event.type.value for one in kept] == [
        "received", "created", "received", "started", "received", "stopped", "received", "removed",
    ]  # fmt: skip
    assert [one.event.actor for one in kept] == ["ann"] * 8
    each_once(kept)


async def test_the_final_event_is_not_stored_before_the_delay(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    assert operation.due_at - operation.accepted_at == timedelta(seconds=DELAY_SECONDS)
    await cloud.finished(operation)
    received, created = await cloud.kept()
    assert received.event.due_at == operation.due_at
    assert created.event.timestamp >= operation.due_at
    # Also measured by the broker's timestamps of the two events.
    assert created.message.at - received.message.at >= timedelta(seconds=DELAY_SECONDS)


async def test_a_timer_that_fires_early_waits_until_the_operation_is_due(broker: NatsConnection) -> None:
    """This happens if the broker's clock is ahead."""
    async with service(broker, delay_seconds=1.0):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        due = DueOperation(instance_id=operation.instance_id, operation_id=operation.id)
        await cloud.put(instance_due(operation.instance_id), encode(due))
        received, created = await cloud.all_finished(1)
    assert created.message.at - received.message.at >= timedelta(seconds=1)


async def test_the_sequence_of_a_reply_is_that_of_the_event(cloud: Cloud) -> None:
    reply = await cloud.create()
    await cloud.finished(reply.operation)
    done = await cloud.show(reply.operation.id)
    received, created = await cloud.kept()
    assert (reply.seq, done.seq) == (received.message.seq, created.message.seq)


@pytest.mark.parametrize("command", endpoints.CHANGE_INSTANCE)
async def test_commands_for_an_unknown_instance_are_refused(cloud: Cloud, command: Command) -> None:
    fault = await refusal(cloud.change(command, "nobody"))
    assert (fault.code, fault.field) == (ErrorCode.INSTANCE_NOT_FOUND, "instanceId")
    assert (await cloud.reader.bounds()).last == 0


@pytest.mark.parametrize("command", [one for one in COMMANDS if one is not Command.CREATE])
async def test_a_command_is_refused_while_another_is_pending(cloud: Cloud, command: Command) -> None:
    pending = (await cloud.create()).operation
    before = await cloud.reader.bounds()
    fault = await refusal(cloud.change(command, pending.instance_id, "mine"))
    assert (fault.code, fault.operation_id) == (ErrorCode.OPERATION_PENDING, pending.id)
    assert await cloud.reader.bounds() == before


async def test_a_command_without_effect_is_refused(cloud: Cloud) -> None:
    instance_id = await cloud.created()
    before = (await cloud.reader.bounds()).last
    fault = await refusal(cloud.change(Command.STOP, instance_id))
    assert fault.code is ErrorCode.TRANSITION_INVALID
    assert (await cloud.reader.bounds()).last == before


async def test_cancel_restores_the_previous_state(cloud: Cloud) -> None:
    instance_id = await cloud.created()
    before = await cloud.instance(instance_id)
    operation = (await cloud.change(Command.START, instance_id)).operation
    cancelled = await cloud.cancel(operation.id)
    assert cancelled.operation.status is OperationStatus.CANCELLED
    assert await cloud.cancel(operation.id) == cancelled
    assert await cloud.instance(instance_id) == before
    last = (await cloud.kept())[-1]
    assert (last.event.type, last.event.actor, last.message.seq) == (
        EventType.CANCELLED,
        "bob",
        cancelled.seq,
    )
    await cloud.finished((await cloud.change(Command.START, instance_id)).operation)
    each_once(await cloud.kept())


async def test_an_instance_whose_creation_is_cancelled_does_not_exist(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.cancel(operation.id)
    assert (await cloud.page()).instances == ()
    fault = await refusal(cloud.change(Command.START, operation.instance_id))
    assert fault.code is ErrorCode.INSTANCE_NOT_FOUND


async def test_a_completed_operation_can_not_be_cancelled(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.finished(operation)
    fault = await refusal(cloud.cancel(operation.id))
    assert (fault.code, fault.operation_id) == (ErrorCode.OPERATION_FINISHED, operation.id)


@pytest.mark.parametrize("ask", [Cloud.cancel, Cloud.show])
async def test_an_unknown_operation_is_not_found(cloud: Cloud, ask: object) -> None:
    assert callable(ask)
    fault = await refusal(ask(cloud, "nothing"))
    assert fault.code is ErrorCode.OPERATION_NOT_FOUND


class FaultyProvider(SimulatedProvider):
    """Fails or hangs on the given commands."""

    def __init__(self, *, fails: Command | None = None, hangs: Command | None = None) -> None:
        super().__init__(1)
        self._fails = fails
        self._hangs = hangs
        self.called: list[str] = []

    async def complete(self, operation: Operation) -> None:
        self.called.append(operation.id)
        if operation.command is self._hangs:
            await asyncio.Event().wait()
        if operation.command is self._fails:
            await super().complete(operation)


async def test_a_failed_operation_keeps_the_previous_state(broker: NatsConnection) -> None:
    async with service(broker, FaultyProvider(fails=Command.START)):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        before = await cloud.instance(instance_id)
        operation = (await cloud.change(Command.START, instance_id)).operation
        finished = await cloud.finished(operation)
        reason = "the simulated provider is configured to fail"
        assert (finished.status, finished.reason) == (OperationStatus.FAILED, reason)
        after = await cloud.instance(instance_id)
        assert after is not None
        assert before is not None
        assert (after.state, after.timestamp) == (before.state, before.timestamp)
        assert (after.condition, after.reason) == (Condition.FAILED, reason)
        event = (await cloud.kept())[-1].event
        assert (event.type, event.reason, event.reason_code) == (
            EventType.FAILED,
            reason,
            FailureCode.SIMULATED,
        )


async def test_a_failed_creation_leaves_no_instance(broker: NatsConnection) -> None:
    async with service(broker, SimulatedProvider(1)):
        cloud = Cloud(broker)
        await cloud.finished((await cloud.create()).operation)
        assert (await cloud.page()).instances == ()
        assert projected(await cloud.kept()) == {}


async def test_a_provider_timeout_fails_the_operation_and_blocks_nothing_else(broker: NatsConnection) -> None:
    provider = FaultyProvider(hangs=Command.START)
    async with service(broker, provider, provider_timeout_seconds=5.0):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        hanging = (await cloud.change(Command.START, instance_id)).operation
        await until(lambda: hanging.id in provider.called)
        await cloud.created()
        assert (await cloud.show(hanging.id)).operation.status is OperationStatus.PENDING
        assert (await cloud.finished(hanging)).status is OperationStatus.FAILED
        event = (await cloud.kept())[-1].event
        assert event.reason == "the provider did not finish within 5 s"
        assert event.reason_code is FailureCode.PROVIDER_TIMEOUT


async def test_a_due_operation_can_not_be_cancelled(broker: NatsConnection) -> None:
    provider = FaultyProvider(hangs=Command.CREATE)
    async with service(broker, provider, provider_timeout_seconds=2.0):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        await until(lambda: provider.called)
        fault = await refusal(cloud.cancel(operation.id))
        assert fault.code is ErrorCode.OPERATION_FINISHED


async def test_an_exception_in_the_provider_fails_the_operation(broker: NatsConnection) -> None:
    class Broken:
        async def complete(self, operation: Operation) -> None:
            raise ZeroDivisionError

    async with service(broker, Broken()):
        cloud = Cloud(broker)
        operation: OperationReply = await cloud.create()
        assert (await cloud.finished(operation.operation)).status is OperationStatus.FAILED


async def test_a_snapshot_and_later_events_equal_a_new_snapshot(cloud: Cloud) -> None:
    first, second = await asyncio.gather(cloud.created(), cloud.created())
    await cloud.change(Command.START, first)
    snapshot = await cloud.page()
    await cloud.finished((await cloud.change(Command.REMOVE, second)).operation)
    fresh = await cloud.page()
    state = {instance.id: instance for instance in snapshot.instances}
    for one in await cloud.kept():
        if one.message.seq > snapshot.seq:
            state.pop(one.event.instance_id, None)
            state.update(projected([one]))
    assert state == {instance.id: instance for instance in fresh.instances}
