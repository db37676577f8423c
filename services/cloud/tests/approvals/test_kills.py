"""One of two cloud processes is killed (SIGKILL) between any two steps of a command that is approved."""

import asyncio

import pytest

from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.subjects import instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy
from services.cloud.tests.harness import Cloud, process

STEPS = 14
"""Request, write, acknowledgement, delivery and reply of the command, the approvals and the outcome."""
STRIDE = 7
"""How many tests share the steps: each kills a process at two of them."""
SECONDS = 120.0
POLICY = {"CLOUD_APPROVALS": "start,stop need=2"}
_REQUESTS = frozenset({b"cloud.start", b"cloud.stop", b"cloud.approve", b"cloud.deny"})


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    if subject.startswith((b"cloud.events.", b"cloud.timers.", b"cloud.due.", b"cloud.operations.")):
        return True
    if from_process:
        return subject.startswith((b"_INBOX.", b"$JS.ACK."))
    return subject in _REQUESTS or b'"stream":"CLOUD"' in body


async def kill_at(step: int, broker: BrokerProcess, cloud: Cloud, instance_id: str, command: Command) -> None:
    """Start a process, and kill it at this step while a command is sent, approved and done."""
    proxy = StepProxy(int(broker.url.rpartition(":")[2]), serves=b"SUB cloud.providers ", is_step=is_step)
    url = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with process(url, **POLICY) as killed, asyncio.timeout(SECONDS):
            await proxy.serves.wait()
            proxy.stop_at(step, killed.kill)
            sent = await cloud.change(command, instance_id, f"{step}")
            operation = sent.operation
            await asyncio.gather(*(cloud.approve(operation.id, by) for by in ("bob", "zoe", "bob", "zoe")))
            done = await cloud.finished(operation)
            assert done.status is OperationStatus.DONE
            again = await cloud.change(command, instance_id, f"{step}")
            assert again.operation.id == operation.id
            for by in ("bob", "zoe"):
                assert (await cloud.approve(operation.id, by)).operation.id == operation.id
    finally:
        await proxy.stop()
    kept = await cloud.kept(instance_events(instance_id))
    kinds = [one.event.type for one in kept if one.event.operation_id == operation.id]
    ends = EventType.STARTED if command is Command.START else EventType.STOPPED
    assert kinds == [EventType.REQUESTED, EventType.APPROVED, EventType.APPROVED, EventType.RECEIVED, ends]
    votes = [one.event.actor for one in kept if one.event.operation_id == operation.id][1:3]
    assert sorted(votes) == ["bob", "zoe"]


@pytest.mark.parametrize("first", range(1, STRIDE + 1))
async def test_a_process_killed_at_any_step_leaves_each_command_done_once(
    broker: NatsConnection, broker_process: BrokerProcess, first: int
) -> None:
    cloud = Cloud(broker, timeout=SECONDS)
    async with process(broker_process.url, **POLICY):
        instance_id = await cloud.created()
        for step in range(first, STEPS + 1, STRIDE):
            found = await cloud.instance(instance_id)
            assert found is not None
            command = Command.STOP if found.state.value == "running" else Command.START
            await kill_at(step, broker_process, cloud, instance_id, command)


async def test_an_approved_command_is_done_after_all_processes_are_killed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker, timeout=SECONDS)
    policy = {"CLOUD_APPROVALS": "start"}
    async with process(broker_process.url, **policy) as first:
        instance_id = await cloud.created()
        operation = (await cloud.change(Command.START, instance_id)).operation
        await cloud.approve(operation.id, "bob")
        await first.kill()
    async with process(broker_process.url):  # without the policy: what was asked for is decided already
        assert (await cloud.finished(operation)).status is OperationStatus.DONE


async def test_a_command_that_waits_expires_although_all_processes_were_killed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    cloud = Cloud(broker, timeout=SECONDS)
    policy = {"CLOUD_APPROVALS": "start expires=2s"}
    async with process(broker_process.url, **policy) as first:
        instance_id = await cloud.created()
        operation = (await cloud.change(Command.START, instance_id)).operation
        await first.kill()
    async with process(broker_process.url):
        assert (await cloud.finished(operation)).status is OperationStatus.EXPIRED
        kept = await cloud.kept(instance_events(instance_id))
        mine = [one.event.type for one in kept if one.event.operation_id == operation.id]
        assert mine == [EventType.REQUESTED, EventType.EXPIRED]
