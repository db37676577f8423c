"""The stream of instances is replaced or purged under a running service: its own view starts over."""

from collections.abc import Awaitable, Callable

import pytest

from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.subjects import CLOUD_STREAM, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import cloud_stream, ensure_stream
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, refusal


async def recreate(broker: NatsConnection) -> None:
    await broker.jetstream.delete_stream(CLOUD_STREAM)
    await ensure_stream(broker, cloud_stream(max_age=86_400, replicas=1))


async def purge(broker: NatsConnection) -> None:
    await broker.jetstream.purge_stream(CLOUD_STREAM)


async def ids(cloud: Cloud) -> set[str]:
    return {instance.id for instance in (await cloud.page()).instances}


@pytest.mark.parametrize("replace", [recreate, purge])
async def test_instances_without_an_event_are_gone(
    cloud: Cloud, broker: NatsConnection, replace: Callable[[NatsConnection], Awaitable[None]]
) -> None:
    ghost = (await cloud.create()).operation
    await cloud.finished(ghost)
    await replace(broker)
    new = (await cloud.create()).operation  # at once, while the service still has the old instances
    unknown = await refusal(cloud.change(Command.START, ghost.instance_id))
    assert unknown.code is ErrorCode.INSTANCE_NOT_FOUND
    await until_answer(lambda: ids(cloud), lambda found: found == {new.instance_id})
    await cloud.finished(new)


async def test_the_list_says_of_which_epoch_its_sequence_is(cloud: Cloud, broker: NatsConnection) -> None:
    await cloud.finished((await cloud.create()).operation)
    before = (await cloud.page()).epoch
    assert before is not None
    await recreate(broker)
    page = await until_answer(cloud.page, lambda page: page.epoch != before)
    assert page.epoch is not None
    assert page.instances == ()


async def test_a_command_is_decided_by_the_event_that_the_stream_has_now(
    cloud: Cloud, broker: NatsConnection
) -> None:
    """After a restore, an instance has an older event at a lower sequence."""
    created = (await cloud.create()).operation
    await cloud.finished(created)
    subject = instance_events(created.instance_id)
    stopped = await cloud.reader.last(subject)
    assert stopped is not None
    await cloud.finished((await cloud.change(Command.START, created.instance_id)).operation)
    await recreate(broker)
    await broker.jetstream.publish(subject, stopped.data)
    invalid = await refusal(cloud.change(Command.STOP, created.instance_id))
    assert invalid.code is ErrorCode.TRANSITION_INVALID
    started = (await cloud.change(Command.START, created.instance_id)).operation
    await cloud.finished(started)
    instance = await until_answer(
        lambda: cloud.instance(created.instance_id), lambda one: one and one.pending is None
    )
    assert instance is not None
    assert instance.state is InstanceState.RUNNING
