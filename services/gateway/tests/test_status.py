"""What runs, told over HTTP and over NATS, and what is told when something is gone."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from opsroom_contracts.codec import contract_of, decode
from opsroom_contracts.status import Status
from opsroom_contracts.subjects import GATEWAY_STATUS
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.api_clients import events, person
from services.gateway.tests.portal import Address, Portal, services, serving

STATUS = "/api/v1/status"


async def status_of(address: Address) -> Status:
    """What the gateway says."""
    async with address.requests() as client:
        answer = await client.get(STATUS)
        assert answer.status_code == 200, answer.text
    return decode(contract_of(Status), answer.content)


@pytest.mark.asyncio(loop_scope="module")
async def test_services_streams_and_connections_are_told_over_http_and_nats(portal: Portal) -> None:
    async with person(portal.gateway), events(portal.gateway):
        found = await until_answer(
            lambda: status_of(portal.gateway),
            lambda one: any(replica.sockets and replica.streams for replica in one.replicas),
        )
        assert {replica.service for replica in found.replicas} == {"gateway", "chat", "cloud"}
        assert {stream.name for stream in found.streams} == {"CHAT", "MEMBERS", "CLOUD", "KV_gateways"}
        assert found.missing == ()
        assert all(stream.copies == 1 and stream.consumers > 0 for stream in found.streams[:3])
        assert any(replica.requests for replica in found.replicas if replica.service == "chat")
        assert 0 < found.round_trip_ms <= found.took_ms
        assert abs(found.clock_ahead_ms) < 1_000
    broker = await connect(portal.url, name="operator")
    try:
        told = await broker.client.request(GATEWAY_STATUS, b"", timeout=5)
    finally:
        await broker.close()
    same = decode(contract_of(Status), told.data)
    assert [replica.id for replica in same.replicas] == [replica.id for replica in found.replicas]


async def test_what_is_gone_is_missing_and_without_a_broker_nothing_is_known(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    await broker.start()
    async with AsyncExitStack() as running:
        await running.enter_async_context(services(broker.url, replicas=2))
        async with serving(broker.url) as address, serving(broker.url):
            whole = await status_of(address)
            counted = [replica.service for replica in whole.replicas]
            assert counted == ["gateway", "gateway", "chat", "chat", "cloud", "cloud"]
            assert whole.missing == ()
            await running.aclose()
            lacking = await until_answer(lambda: status_of(address), lambda one: bool(one.missing))
            assert lacking.missing == ("chat", "cloud")
            await broker.kill()
            async with address.requests() as client:
                answer = await until_answer(lambda: client.get(STATUS), lambda one: one.status_code != 200)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            await broker.start()
    await broker.stop()
