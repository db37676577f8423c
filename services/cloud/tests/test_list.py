"""Listing, page by page."""

import asyncio

from opsroom_cloud.fold import InstanceFold
from opsroom_cloud.listing import Listing
from opsroom_contracts.cloud import LIST_MAX, ListRequest
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM, CloudSubject
from opsroom_messaging.connection import Broker, connect
from opsroom_messaging.follower import Follow, Follower, Source
from opsroom_messaging.process import running
from services.cloud.tests.harness import Cloud, service, unfollowed
from tests.broker import BrokerProcess


async def test_pages_are_in_order_and_hold_everything_once(cloud: Cloud) -> None:
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


async def test_a_page_can_not_be_larger_than_the_limit(cloud: Cloud, broker: Broker) -> None:
    reply = await broker.client.request(CloudSubject.LIST, b'{"limit":%d}' % (LIST_MAX + 1), timeout=30)
    fault = FAULT.validate_json(reply.data)
    assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, "limit")


async def test_a_list_holds_what_was_accepted_before_it_whoever_answers(
    broker: Broker, broker_process: BrokerProcess
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


async def test_a_process_that_lags_behind_catches_up_before_it_answers(cloud: Cloud, broker: Broker) -> None:
    operation = (await cloud.create()).operation
    fold = InstanceFold()
    source = Source(CLOUD_STREAM, (CLOUD_EVENTS,), Follow.STATE_THEN_EVENTS)
    follower = Follower(broker, source, fold)
    async with unfollowed(broker) as events:
        asked = asyncio.create_task(Listing(events, fold, follower).page(ListRequest()))
        async with running(follower=follower.run()):
            assert [instance.id for instance in (await asked).instances] == [operation.instance_id]
