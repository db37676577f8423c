"""Names and templates of servers, and commands without a delay."""

import asyncio

import pytest

from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import Cloud, each_once, refusal, service


async def test_a_name_can_be_used_in_place_of_the_id(cloud: Cloud) -> None:
    instance_id = await cloud.created(name="web")
    started = (await cloud.change(Command.START, "web", "go")).operation
    assert started.instance_id == instance_id
    await cloud.finished(started)
    await cloud.rename("web", "shop")
    again = (await cloud.change(Command.START, "web", "go")).operation
    assert (again.id, again.status) == (started.id, OperationStatus.DONE), "the name means nothing any more"
    assert (await refusal(cloud.change(Command.STOP, "web"))).code is ErrorCode.INSTANCE_NOT_FOUND
    other = await cloud.created(name="web")
    assert (await cloud.change(Command.START, "web", "go")).operation.id == started.id
    assert (await cloud.change(Command.START, "web")).operation.instance_id == other


async def test_a_name_is_given_once(cloud: Cloud) -> None:
    instance_id = await cloud.created(name="web")
    for request in (
        cloud.create(name="web"),
        cloud.create(name="web"),
        cloud.rename(await cloud.created(), "web"),
    ):
        fault = await refusal(request)
        assert (fault.code, fault.field) == (ErrorCode.NAME_TAKEN, "name")
    assert (await refusal(cloud.create(name="web"))).code is ErrorCode.NAME_TAKEN
    await cloud.finished((await cloud.change(Command.REMOVE, instance_id)).operation)
    assert await cloud.created(name="web") != instance_id, "its claim is taken over"


async def test_of_two_processes_one_gives_the_name(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    other = await connect(broker_process.url, name="other")
    async with service(broker), service(other):
        cloud = Cloud(broker)
        for number in range(5):
            requests = (cloud.create(name=f"web-{number}") for _ in range(8))
            replies = await asyncio.gather(*requests, return_exceptions=True)
            accepted = [one for one in replies if not isinstance(one, BaseException)]
            faults = [one.fault for one in replies if isinstance(one, FaultError)]
            assert (len(accepted), {fault.code for fault in faults}) == (1, {ErrorCode.NAME_TAKEN})
        names = [instance.name for instance in (await cloud.page()).instances]
        assert len(names) == len(set(names)) == 5
    await other.close()


async def test_commands_without_a_delay_are_done_at_once(cloud: Cloud) -> None:
    instance_id = await cloud.created()
    pending = (await cloud.change(Command.START, instance_id)).operation
    before = await cloud.instance(instance_id)
    assert before is not None
    protected = await cloud.change(Command.PROTECT, instance_id, "safe")
    assert protected.operation.status is OperationStatus.DONE
    assert (await cloud.change(Command.PROTECT, instance_id, "safe")) == protected
    assert (await cloud.show(protected.operation.id)) == protected
    await cloud.label(instance_id, env="prod", old="x")
    await cloud.label(instance_id, old=None)
    await cloud.rename(instance_id, "web")
    after = await cloud.instance(instance_id)
    assert after is not None
    assert (after.protected, after.labels, after.name) == (True, {"env": "prod"}, "web")
    assert (after.timestamp, after.pending) == (before.timestamp, before.pending)
    assert (await cloud.finished(pending)).status is OperationStatus.DONE
    for command in (Command.STOP, Command.RESTART, Command.REMOVE):
        assert (await refusal(cloud.change(command, "web"))).code is ErrorCode.PROTECTED
    await cloud.change(Command.UNPROTECT, "web")
    await cloud.finished((await cloud.change(Command.STOP, "web")).operation)
    kept = await cloud.kept()
    each_once(kept)
    final = next(one for one in kept if one.event.type is EventType.STARTED)
    assert final.message.at >= pending.due_at
    assert final.event.actor == "ann"


async def test_a_server_is_created_with_labels_and_started(cloud: Cloud) -> None:
    instance_id = await cloud.created(labels={"b": "2", "a": "1"}, start=True, name="web")
    instance = await cloud.instance(instance_id)
    assert instance is not None
    assert (instance.state.value, list(instance.labels)) == ("running", ["a", "b"])


@pytest.mark.parametrize("template", ["nothing", "nowhere/small", "simulated/other"])
async def test_an_unknown_template_is_refused_with_the_known_ones(cloud: Cloud, template: str) -> None:
    fault = await refusal(cloud.create(template=template))
    assert (fault.code, fault.field) == (ErrorCode.TEMPLATE_UNKNOWN, "template")
    assert "simulated/simulated" in fault.message


async def test_the_simulated_provider_has_a_template(cloud: Cloud) -> None:
    assert list(await cloud.providers()) == ["simulated"]
    await cloud.created(template="simulated")
    await cloud.created(template="simulated/simulated")
