"""What fits no contract is refused or skipped, counted, and stops nothing."""

import json

import pytest

from opsroom_contracts.cloud import DueOperation, EventType
from opsroom_contracts.codec import encode
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.subjects import (
    CLOUD_SERVICE,
    CloudSubject,
    instance_due,
    instance_events,
    instance_timer,
)
from opsroom_messaging.connection import Broker
from services.cloud.tests.harness import Cloud, each_once, service
from tests.waiting import until_answer

GARBAGE = (b"\xff\xfe", b"null", b'"str"', b"[]", b"[" * 5000, b'{"x":1}', b"{", b"1e999")


async def statistics(broker: Broker) -> dict[str, int]:
    reply = await broker.client.request(f"$SRV.STATS.{CLOUD_SERVICE}", b"", timeout=30)
    found: dict[str, int] = json.loads(reply.data)["endpoints"][0]["data"]
    return found


@pytest.mark.parametrize("subject", CloudSubject)
async def test_a_request_that_fits_no_contract_is_refused(
    cloud: Cloud, broker: Broker, subject: CloudSubject
) -> None:
    for payload in GARBAGE:
        fault = FAULT.validate_json((await broker.client.request(subject, payload, timeout=30)).data)
        assert fault.code is ErrorCode.INVALID_REQUEST
    oversized = FAULT.validate_json((await broker.client.request(subject, b" " * 900_000, timeout=30)).data)
    assert oversized.code is ErrorCode.PAYLOAD_TOO_LARGE
    await cloud.page()


async def test_an_empty_payload_asks_for_the_defaults(cloud: Cloud, broker: Broker) -> None:
    for subject in (CloudSubject.CREATE, CloudSubject.LIST):
        reply = await broker.client.request(subject, b"", timeout=30)
        assert not reply.headers
    assert len((await cloud.page()).instances) == 1


async def test_a_refusal_names_the_field(cloud: Cloud, broker: Broker) -> None:
    reply = await broker.client.request(CloudSubject.START, b'{"instanceId":"a.b"}', timeout=30)
    assert FAULT.validate_json(reply.data).field == "instanceId"


async def test_what_is_no_event_is_skipped_and_counted(cloud: Cloud, broker: Broker) -> None:
    instance_id = await cloud.made()
    before = await cloud.instance(instance_id)
    last = await cloud.reader.last(instance_events(instance_id))
    assert last is not None
    for payload in GARBAGE:
        await cloud.put(instance_events("rubbish"), payload)
    await cloud.put(instance_events("other"), last.data)  # an event of another instance
    assert await cloud.instance(instance_id) == before
    assert (await statistics(broker))["malformed"] == len(GARBAGE) + 1
    await cloud.finished((await cloud.change(CloudSubject.START, instance_id)).operation)


async def test_rubbish_on_a_live_instance_hides_nothing(cloud: Cloud) -> None:
    """Even from those that read only the last message of each: the state is said anew after it."""
    instance_id = await cloud.made()
    before = await cloud.instance(instance_id)
    subject = instance_events(instance_id)
    seq = await cloud.put(subject, b"rubbish")
    kept = await until_answer(lambda: cloud.kept(subject), lambda kept: kept[-1].message.seq > seq)
    assert kept[-1].event.type is EventType.RETAINED
    assert await cloud.instance(instance_id) == before
    await cloud.finished((await cloud.change(CloudSubject.START, instance_id)).operation)
    each_once(await cloud.kept(subject))


async def test_rubbish_on_an_instance_while_nobody_looked(broker: Broker) -> None:
    async with service(broker, delay_seconds=0.1):
        cloud = Cloud(broker)
        instance_id = await cloud.made()
        busy = (await cloud.create()).operation
        before = (await cloud.page()).instances
    for one in (instance_id, busy.instance_id):
        await cloud.put(instance_events(one), b"rubbish")
    async with service(broker, delay_seconds=0.1):
        await cloud.finished(busy)
        page = await until_answer(cloud.page, lambda page: len(page.instances) == 2)
        assert {i.id for i in page.instances} == {i.id for i in before}
        await cloud.finished((await cloud.change(CloudSubject.START, instance_id)).operation)


async def test_rubbish_on_a_pending_instance_holds_nothing_up(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.put(instance_events(operation.instance_id), b"rubbish")
    await cloud.finished(operation)
    assert await cloud.instance(operation.instance_id) is not None


async def test_rubbish_due_messages_are_dropped_and_counted(cloud: Cloud, broker: Broker) -> None:
    for payload in GARBAGE:
        await cloud.put(instance_due("rubbish"), payload)
    await cloud.made()
    found = await until_answer(
        lambda: statistics(broker), lambda found: found["malformed_due"] == len(GARBAGE)
    )
    assert found["malformed"] == 0


async def test_a_due_message_by_hand_hurries_nothing(broker: Broker) -> None:
    async with service(broker, delay_seconds=60.0):
        cloud = Cloud(broker)
        operation = (await cloud.create()).operation
        due = DueOperation(instance_id=operation.instance_id, operation_id=operation.id)
        await cloud.put(instance_due(operation.instance_id), encode(due))
        stranger = DueOperation(instance_id=operation.instance_id, operation_id="stranger")
        await cloud.put(instance_due(operation.instance_id), encode(stranger))

        async def handled() -> bool:
            info = await broker.jetstream.consumer_info("CLOUD", "workers")
            return (info.num_pending, info.num_ack_pending, info.ack_floor.consumer_seq) == (0, 0, 2)

        await until_answer(handled, bool)
        assert [one.event.type for one in await cloud.kept()] == [EventType.RECEIVED]


async def test_a_plain_message_on_the_timer_delays_but_loses_nothing(cloud: Cloud) -> None:
    operation = (await cloud.create()).operation
    await cloud.put(instance_timer(operation.instance_id), b"rubbish")
    await cloud.finished(operation)
    each_once(await cloud.kept())
