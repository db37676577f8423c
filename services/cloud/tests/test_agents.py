"""Operations of servers behind an agent, over NATS."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from opsroom_cloud.operations.operations import Operations
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.cloud.models import Operation, OperationStatus, Progress
from opsroom_contracts.cloud.requests import CancelRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.cloud.tests.harness import (
    Cloud,
    each_once,
    event_store_without_projection,
    process,
    refusal,
    service,
)
from services.cloud.tests.scripted_agent import LAB, TEMPLATE, ScriptedAgent, scripted_agent


@pytest.fixture
async def agent(cloud: Cloud, broker: NatsConnection) -> AsyncIterator[ScriptedAgent]:
    """An agent that the service knows."""
    async with scripted_agent(broker) as running:
        await connected(cloud)
        yield running


async def connected(cloud: Cloud) -> None:
    await until_answer(cloud.providers, lambda found: LAB in found and found[LAB].connected)


async def test_the_life_of_a_server_behind_an_agent(cloud: Cloud, agent: ScriptedAgent) -> None:
    operation = (
        await cloud.create(template=TEMPLATE, name="web", labels={"env": "prod"}, start=True)
    ).operation
    assert not agent.asked, "not before it is due"
    assert (await cloud.finished(operation)).status is OperationStatus.DONE
    instance = await cloud.instance(operation.instance_id)
    assert instance is not None
    assert (instance.name, instance.provider, instance.template) == ("web", LAB, TEMPLATE)
    assert (instance.state, instance.address) == (InstanceState.RUNNING, "10.0.0.1")
    for command, state in (
        (Command.STOP, "stopped"),
        (Command.START, "running"),
        (Command.RESTART, "running"),
    ):
        changed = (await cloud.change(command, "web")).operation
        assert (await cloud.finished(changed)).status is OperationStatus.DONE
        instance = await cloud.instance(operation.instance_id)
        assert instance is not None
        assert instance.state.value == state
    await cloud.finished((await cloud.change(Command.REMOVE, "web")).operation)
    assert await cloud.instance(operation.instance_id) is None
    assert not agent.servers
    assert set(agent.done.values()) == {1}
    kept = await cloud.kept()
    each_once(kept)
    received = {one.event.operation_id: one for one in kept if one.event.type is EventType.RECEIVED}
    for one in kept:
        if one.event.type is EventType.WORKING:
            begun = received[one.event.operation_id].event
            assert begun.due_at is not None
            assert one.event.timestamp >= begun.due_at


async def test_progress_is_stored_and_shown(cloud: Cloud, agent: ScriptedAgent) -> None:
    agent.held.add(Command.CREATE)
    agent.progress = Progress(text="pulling", percent=10)
    operation = (await cloud.create(template=TEMPLATE)).operation

    async def shown() -> Progress | None:
        instance = await cloud.instance(operation.instance_id)
        return None if instance is None or instance.pending is None else instance.pending.progress

    await until_answer(shown, lambda found: found == Progress(text="pulling", percent=10))
    agent.progress = Progress(text="pulling", percent=60)
    await until_answer(shown, lambda found: found is not None and found.percent == 60)
    fault = await refusal(cloud.cancel(operation.id))
    assert fault.code is ErrorCode.OPERATION_FINISHED
    agent.held.clear()
    assert (await cloud.finished(operation)).status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_a_failure_names_its_reason(cloud: Cloud, agent: ScriptedAgent) -> None:
    instance_id = await cloud.created(template=TEMPLATE)
    agent.fails = {Command.START: FailureCode.NO_CAPACITY, Command.CREATE: FailureCode.NO_CAPACITY}
    failed = await cloud.finished((await cloud.change(Command.START, instance_id)).operation)
    assert (failed.status, failed.reason) == (OperationStatus.FAILED, "as the test wants")
    instance = await cloud.instance(instance_id)
    assert instance is not None
    assert (instance.condition, instance.reason_code) == (Condition.FAILED, FailureCode.NO_CAPACITY)
    unborn = (await cloud.create(template=TEMPLATE)).operation
    assert (await cloud.finished(unborn)).status is OperationStatus.FAILED
    assert await cloud.instance(unborn.instance_id) is None


async def test_an_undone_operation_never_reaches_the_agent(cloud: Cloud, agent: ScriptedAgent) -> None:
    """Also at its due moment, when the service begins to work on it."""
    operations = [(await cloud.create(template=TEMPLATE)).operation for _ in range(12)]

    async def undo(operation: Operation, early: timedelta) -> None:
        left = operation.due_at - early - BrokerClock()()
        await asyncio.sleep(left.total_seconds())
        await asyncio.gather(cloud.cancel(operation.id), return_exceptions=True)

    early = (timedelta(milliseconds=2 * number) for number in range(12))
    await asyncio.gather(*map(undo, operations, early))
    for operation in operations:
        ended = await cloud.finished(operation)
        assert (ended.status is OperationStatus.CANCELLED) == (operation.id not in agent.asked)
    each_once(await cloud.kept())


async def test_what_the_agent_has_begun_is_not_undone_by_a_process_whose_clock_is_behind(
    cloud: Cloud, agent: ScriptedAgent, broker: NatsConnection
) -> None:
    """Its cancellation may also have been decided before the operation was due, and be stored afterwards."""
    agent.held.add(Command.CREATE)
    operation = (await cloud.create(template=TEMPLATE)).operation
    await until(lambda: operation.id in agent.asked)
    async with event_store_without_projection(broker) as events:
        other = Operations(events, lambda: operation.due_at - timedelta(milliseconds=1))
        fault = await refusal(other.cancel(CancelRequest(operation_id=operation.id)))
    assert fault.code is ErrorCode.OPERATION_FINISHED
    agent.held.clear()
    assert (await cloud.finished(operation)).status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_commands_are_refused_while_the_agent_is_away(cloud: Cloud, agent: ScriptedAgent) -> None:
    instance_id = await cloud.created(template=TEMPLATE, client_id="birth")
    await agent.renew(released=True)
    await until_answer(cloud.providers, lambda found: not found[LAB].connected)
    before = (await cloud.reader.bounds()).last
    for request in (cloud.change(Command.START, instance_id), cloud.create(template=TEMPLATE)):
        fault = await refusal(request)
        assert fault.code is ErrorCode.PROVIDER_AWAY
        assert "last seen" in fault.message
    assert (await cloud.reader.bounds()).last == before
    again = (await cloud.create(template=TEMPLATE, client_id="birth")).operation
    assert again.status is OperationStatus.DONE, "a retry finds its operation"
    await cloud.rename(instance_id, "still-there")


async def test_an_agent_that_does_not_reply_in_time_leaves_the_outcome_unknown(
    broker: NatsConnection,
) -> None:
    async with service(broker, command_timeout_seconds=2.0, delay_seconds=0.2):
        cloud = Cloud(broker)
        async with scripted_agent(broker) as agent:
            await connected(cloud)
            instance_id = await cloud.created(template=TEMPLATE)
            agent.silent = True
            operation = (await cloud.change(Command.START, instance_id)).operation
            failed = await cloud.finished(operation)
            assert failed.status is OperationStatus.FAILED
            event = (await cloud.kept())[-1].event
            assert (event.reason_code, event.condition) == (FailureCode.OUTCOME_UNKNOWN, Condition.UNKNOWN)
            agent.silent = False


async def test_a_timeout_after_the_work_was_done_ends_with_the_true_state(broker: NatsConnection) -> None:
    async with service(broker, command_timeout_seconds=2.0, delay_seconds=0.2):
        cloud = Cloud(broker)
        async with scripted_agent(broker) as agent:
            await connected(cloud)
            instance_id = await cloud.created(template=TEMPLATE)
            agent.held.add(Command.START)
            operation = (await cloud.change(Command.START, instance_id)).operation
            await until(lambda: operation.id in agent.asked)
            agent.change(instance_id, InstanceState.RUNNING)
            assert (await cloud.finished(operation)).status is OperationStatus.DONE
            instance = await cloud.instance(instance_id)
            assert instance is not None
            assert instance.state is InstanceState.RUNNING


async def test_ten_creates_with_one_key_make_one_server(cloud: Cloud, agent: ScriptedAgent) -> None:
    replies = await asyncio.gather(*(cloud.create("one", template=TEMPLATE, name="web") for _ in range(10)))
    assert len({reply.operation.id for reply in replies}) == 1
    await cloud.finished(replies[0].operation)
    assert len(agent.servers) == 1
    each_once(await cloud.kept())


@pytest.mark.parametrize("moment", ["accepted", "working"])
async def test_another_process_takes_over_after_a_kill(
    broker: NatsConnection, broker_process: BrokerProcess, moment: str
) -> None:
    cloud = Cloud(broker)
    async with process(broker_process.url) as first:
        await cloud.page()
        async with scripted_agent(broker) as agent:
            await connected(cloud)
            agent.held.add(Command.CREATE)
            operation = (await cloud.create(template=TEMPLATE)).operation
            if moment == "working":
                await until(lambda: operation.id in agent.asked)
            await first.kill()
            await agent.renew()
            async with process(broker_process.url):
                agent.held.clear()
                assert (await cloud.finished(operation)).status is OperationStatus.DONE
            assert agent.done[operation.id] == 1
    each_once(await cloud.kept())


async def test_two_processes_end_each_operation_once(broker: NatsConnection, cloud: Cloud) -> None:
    async with service(broker), scripted_agent(broker) as agent:
        await connected(cloud)
        agent.held.add(Command.CREATE)
        operations = [(await cloud.create(template=TEMPLATE)).operation for _ in range(5)]
        await until(lambda: all(agent.asked.count(one.id) >= 4 for one in operations))
        agent.held.clear()
        for operation in operations:
            assert (await cloud.finished(operation)).status is OperationStatus.DONE
        assert set(agent.done.values()) == {1}
    each_once(await cloud.kept())
