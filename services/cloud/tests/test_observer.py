"""What happens at a provider outside the portal is stored: changed, lost and unknown servers."""

from collections.abc import AsyncIterator

import pytest

from opsroom_contracts.agents.protocol import Listed, Observation
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.subjects import instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until, until_answer
from services.cloud.tests.harness import Cloud, refusal, service
from services.cloud.tests.scripted_agent import LAB, TEMPLATE, ScriptedAgent, scripted_agent

UNKNOWN_ID = "c0ffee00-0000-4000-8000-000000000000"


@pytest.fixture
async def quick(broker: NatsConnection) -> AsyncIterator[Cloud]:
    """A service that lists often, and takes a server for lost at once."""
    async with service(broker, delay_seconds=0.2, list_seconds=0.2, lost_grace_seconds=0.0):
        yield Cloud(broker)


@pytest.fixture
async def agent(quick: Cloud, broker: NatsConnection) -> AsyncIterator[ScriptedAgent]:
    """An agent that the service knows."""
    async with scripted_agent(broker) as running:
        await until_answer(quick.providers, lambda found: LAB in found and found[LAB].connected)
        yield running


async def types(cloud: Cloud, instance_id: str) -> list[EventType]:
    return [one.event.type for one in await cloud.kept(instance_events(instance_id))]


async def test_a_change_outside_is_found_by_a_list(quick: Cloud, agent: ScriptedAgent) -> None:
    instance_id = await quick.created(template=TEMPLATE)
    agent.change(instance_id, InstanceState.RUNNING)
    await until_answer(
        lambda: quick.instance(instance_id), lambda one: one and one.state is InstanceState.RUNNING
    )
    kept = await quick.kept(instance_events(instance_id))
    assert (kept[-1].event.type, kept[-1].event.actor) == (EventType.OBSERVED, "outside")


async def test_a_server_that_two_lists_lack_is_lost_and_can_only_be_removed(
    quick: Cloud, agent: ScriptedAgent
) -> None:
    instance_id = await quick.created(template=TEMPLATE)
    agent.servers.clear()
    await until_answer(
        lambda: quick.instance(instance_id), lambda one: one and one.condition is Condition.LOST
    )
    assert (await types(quick, instance_id)).count(EventType.LOST) == 1
    assert (await refusal(quick.change(Command.START, instance_id))).code is ErrorCode.TRANSITION_INVALID
    removed = await quick.finished((await quick.change(Command.REMOVE, instance_id)).operation)
    assert removed.status is OperationStatus.DONE


async def test_an_unknown_server_of_this_portal_is_taken_in_once(
    quick: Cloud, agent: ScriptedAgent, broker: NatsConnection
) -> None:
    async with service(broker, list_seconds=0.2):
        agent.servers[UNKNOWN_ID] = Listed(id=UNKNOWN_ID, state=InstanceState.RUNNING, name="found")
        instance = await until_answer(lambda: quick.instance(UNKNOWN_ID), bool)
        assert instance is not None
        assert (instance.name, instance.provider, instance.state) == ("found", LAB, InstanceState.RUNNING)
    assert await types(quick, UNKNOWN_ID) == [EventType.ADOPTED]


async def test_a_removed_server_is_not_taken_in_again(quick: Cloud, agent: ScriptedAgent) -> None:
    for _ in range(5):
        instance_id = await quick.created(template=TEMPLATE)
        await quick.finished((await quick.change(Command.REMOVE, instance_id)).operation)
        assert EventType.ADOPTED not in await types(quick, instance_id)


async def test_notices_are_stored_at_once(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=0.2, list_seconds=600.0):
        cloud = Cloud(broker)
        async with scripted_agent(broker) as agent:
            await until_answer(cloud.providers, lambda found: LAB in found and found[LAB].connected)
            changed, gone = await cloud.created(template=TEMPLATE), await cloud.created(template=TEMPLATE)
            await agent.notify(agent.change(changed, InstanceState.RUNNING))
            await until_answer(
                lambda: cloud.instance(changed), lambda one: one and one.state is InstanceState.RUNNING
            )
            await agent.notify(
                gone=(gone, changed)
            )  # the second one is there: observed before it is believed
            del agent.servers[gone]
            await agent.notify(gone=(gone,))
            await until_answer(
                lambda: cloud.instance(gone), lambda one: one and one.condition is Condition.LOST
            )
            assert EventType.LOST not in await types(cloud, changed)


async def test_a_notice_that_is_older_than_what_is_stored_changes_nothing(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=0.2, list_seconds=600.0):
        cloud = Cloud(broker)
        async with scripted_agent(broker) as agent:
            await until_answer(cloud.providers, lambda found: LAB in found and found[LAB].connected)
            stopped, other = await cloud.created(template=TEMPLATE), await cloud.created(template=TEMPLATE)
            await agent.notify(Observation(id=stopped, state=InstanceState.RUNNING))
            await agent.notify(agent.change(other, InstanceState.RUNNING))
            await until_answer(lambda: types(cloud, other), lambda found: EventType.OBSERVED in found)
            assert EventType.OBSERVED not in await types(cloud, stopped)


async def test_a_change_while_a_command_waits_keeps_it_pending(broker: NatsConnection) -> None:
    async with service(broker, list_seconds=0.1):
        cloud = Cloud(broker)
        async with scripted_agent(broker) as agent:
            await until_answer(cloud.providers, lambda found: LAB in found and found[LAB].connected)
            instance_id = await cloud.created(template=TEMPLATE)
            operation = (await cloud.change(Command.START, instance_id)).operation
            await agent.notify(agent.change(instance_id, InstanceState.RUNNING))
            await until_answer(lambda: types(cloud, instance_id), lambda found: EventType.OBSERVED in found)
            instance = await cloud.instance(instance_id)
            assert instance is not None
            assert instance.pending is not None
            assert instance.pending.id == operation.id
            assert (await cloud.finished(operation)).status is OperationStatus.DONE


async def test_what_runs_already_is_adopted(quick: Cloud, agent: ScriptedAgent) -> None:
    operation = (await quick.adopt(LAB, "a-container", name="old", client_id="k")).operation
    assert (await quick.finished(operation)).status is OperationStatus.DONE
    instance = await quick.instance(operation.instance_id)
    assert instance is not None
    assert (instance.name, instance.resource, instance.provider) == ("old", "a-container", LAB)
    again = await refusal(quick.adopt(LAB, "a-container"))
    assert again.code is ErrorCode.TRANSITION_INVALID
    assert (await quick.adopt(LAB, "a-container", name="old", client_id="k")).operation.id == operation.id
    unknown = await refusal(quick.adopt("nowhere", "x"))
    assert (unknown.code, unknown.field) == (ErrorCode.PROVIDER_UNKNOWN, "provider")
    assert (await refusal(quick.adopt("simulated", "x"))).code is ErrorCode.UNSUPPORTED


async def test_an_observation_of_an_unknown_server_changes_nothing(
    quick: Cloud, agent: ScriptedAgent
) -> None:
    await agent.notify(Observation(id=UNKNOWN_ID, state=InstanceState.RUNNING), gone=("nobody",))
    instance_id = await quick.created(template=TEMPLATE)
    await until(lambda: instance_id in agent.servers)
    assert await types(quick, UNKNOWN_ID) == []
