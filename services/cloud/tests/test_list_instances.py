"""Listing instances in pages."""

import asyncio

from opsroom_cloud.instances.list_instances import InstanceLister
from opsroom_cloud.instances.names import CatchUp
from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_contracts import endpoints
from opsroom_contracts.cloud.requests import LIST_MAX, ListRequest
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from services.cloud.tests.harness import Cloud, event_store_without_projection, service


async def test_pages_are_sorted_and_complete(cloud: Cloud) -> None:
    replies = await asyncio.gather(*(cloud.create() for _ in range(25)))
    wanted = sorted(reply.operation.instance_id for reply in replies)
    found: list[str] = []
    after: str | None = None
    sizes = []
    while True:
        page = await cloud.page(after, limit=10)
        found += [instance.id for instance in page.instances]
        sizes.append(len(page.instances))
        if page.next is None:
            break
        after = page.next
    assert found == wanted
    assert sizes == [10, 10, 5]
    assert (await cloud.page(limit=25)).next is None


async def test_a_page_can_not_be_larger_than_the_limit(cloud: Cloud, broker: NatsConnection) -> None:
    reply = await broker.client.request(endpoints.LIST_INSTANCES.subject, b'{"limit":%d}' % (LIST_MAX + 1))
    fault = FAULT.validate_json(reply.data)
    assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, "limit")


async def test_a_list_from_any_process_holds_what_was_accepted_before(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    other = await connect(broker_process.url, name="other")
    async with service(broker), service(other):
        cloud = Cloud(broker)
        for count in range(1, 31):
            reply = await cloud.create()
            page = await cloud.page()
            assert len(page.instances) == count
            assert page.seq >= reply.seq
    await other.close()


async def test_a_lagging_process_catches_up_before_it_replies(cloud: Cloud, broker: NatsConnection) -> None:
    operation = (await cloud.create()).operation
    projection = InstanceProjection()
    spec = SubscriptionSpec(CLOUD_STREAM, (CLOUD_EVENTS,), StartPolicy.STATE_THEN_EVENTS)
    subscription = StreamSubscription(broker, spec, projection)
    async with event_store_without_projection(broker) as events:
        listing = asyncio.create_task(
            InstanceLister(CatchUp(events, subscription), projection, subscription).page(ListRequest())
        )
        async with run_tasks(subscription=subscription.run()):
            assert [instance.id for instance in (await listing).instances] == [operation.instance_id]
