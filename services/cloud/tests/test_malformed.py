"""What fits no contract is refused or skipped, counted, and stops nothing."""

import json

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.models import DueOperation
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CLOUD_SERVICE, instance_due, instance_events, instance_timer
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, each_once, service

GARBAGE = (b"\xff\xfe", b"null", b'"str"', b"[]", b"[" * 5000, b'{"x":1}', b"{", b"1e999")


async def statistics(broker: NatsConnection) -> dict[str, int]:
    reply = await broker.client.request(f"$SRV.STATS.{CLOUD_SERVICE}", b"")
    found: dict[str, int] = json.loads(reply.data)["endpoints"][0]["data"]
    return found


@pytest.mark.parametrize("endpoint", endpoints.endpoints_of(CLOUD_SERVICE))
async def test_a_malformed_request_is_refused(
    cloud: Cloud, broker: NatsConnection, endpoint: endpoints.AnyEndpoint
) -> None:
    for payload in GARBAGE:
        fault = FAULT.validate_json((await broker.client.request(endpoint.subject, payload)).data)
        assert fault.code is ErrorCode.INVALID_REQUEST
    oversized = FAULT.validate_json((await broker.client.request(endpoint.subject, b" " * 900_000)).data)
    assert oversized.code is ErrorCode.PAYLOAD_TOO_LARGE
    await cloud.page()


async def test_an_empty_payload_means_default_values(cloud: Cloud, broker: NatsConnection) -> None:
    for endpoint in (endpoints.CREATE_INSTANCE, endpoints.LIST_INSTANCES):
        reply = await broker.client.request(endpoint.subject, b"")
        assert not reply.headers
    assert len((await cloud.page()).instances) == 1


async def test_a_refusal_names_the_field(cloud: Cloud, broker: NatsConnection) -> None:
    reply = await broker.client.request(
        endpoints.CHANGE_INSTANCE[Command.START].subject, b'{"instanceId":"a.b"}'
    )
    assert FAULT.validate_json(reply.data).field == "instanceId"


async def test_malformed_events_are_skipped_and_counted(cloud: Cloud, broker: NatsConnection) -> None:
    instance_id = await cloud.created()
    before = await cloud.instance(instance_id)
    last = await cloud.reader.last(instance_events(instance_id))
    assert last is not None
    for payload in GARBAGE:
        await cloud.put(instance_events("garbage"), payload)
    await cloud.put(instance_events("other"), last.data)  # an event of a different instance
    assert await cloud.instance(instance_id) == before
    assert (await statistics(broker))["malformed"] == len(GARBAGE) + 1
    await cloud.finished((await cloud.change(Command.START, instance_id)).operation)


async def test_a_malformed_event_on_an_instance_is_repaired(cloud: Cloud) -> None:
    """The state is stored again after it, for readers of only the last message of each subject."""
    instance_id = await cloud.created()
    before = await cloud.instance(instance_id)
    subject = instance_events(instance_id)
    seq = await cloud.put(subject, b"garbage")
    kept = await until_answer(lambda: cloud.kept(subject), lambda kept: kept[-1].message.seq > seq)
    assert kept[-1].event.type is EventType.RETAINED
    assert await cloud.instance(instance_id) == before
    await cloud.finished((await cloud.change(Command.START, instance_id)).operation)
    each_once(await cloud.kept(subject))


async def test_malformed_events_stored_while_the_service_was_down_are_repaired(
    broker: NatsConnection,
) -> None:
    async with service(broker, delay_seconds=0.1):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        busy = (await cloud.create()).operation
        before = (await cloud.page()).instances
    for one in (instance_id, busy.instance_id):
        await cloud.put(instance_events(one), b"garbage")
    async with service(broker, delay_seconds=0.1):
        await cloud.finished(busy)
        page = await until_answer(cloud.page, lambda page: len(page.instances) == 2)
        assert {i.id for i in page.instances} == {i.id for i in before}
        await cloud.finished((await cloud.change(Command.START, instance_id)).operation)


async def test_a_malformed_event_does_not_block_a_pending_operation(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.put(instance_events(operation.instance_id), b"garbage")
    await cloud.finished(operation)
    assert await cloud.instance(operation.instance_id) is not None


async def test_malformed_due_messages_are_dropped_and_counted(cloud: Cloud, broker: NatsConnection) -> None:
    for payload in GARBAGE:
        await cloud.put(instance_due("garbage"), payload)
    await cloud.created()
    found = await until_answer(
        lambda: statistics(broker), lambda found: found["malformed_due"] == len(GARBAGE)
    )
    assert found["malformed"] == 0


async def test_an_early_due_message_is_ignored(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=60.0):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        due = DueOperation(instance_id=operation.instance_id, operation_id=operation.id)
        await cloud.put(instance_due(operation.instance_id), encode(due))
        unknown = DueOperation(instance_id=operation.instance_id, operation_id="stranger")
        await cloud.put(instance_due(operation.instance_id), encode(unknown))

        async def handled() -> bool:
            info = await broker.jetstream.consumer_info("CLOUD", "workers")
            return (info.num_pending, info.num_ack_pending, info.ack_floor.consumer_seq) == (0, 0, 2)

        await until_answer(handled, bool)
        assert [one.event.type for one in await cloud.kept()] == [EventType.RECEIVED]


async def test_a_message_that_replaces_the_timer_does_not_lose_the_operation(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.put(instance_timer(operation.instance_id), b"garbage")
    await cloud.finished(operation)
    each_once(await cloud.kept())
