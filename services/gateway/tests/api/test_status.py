"""The status over HTTP and NATS, also while services are missing."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from opsroom_contracts.endpoints import STATUS
from opsroom_contracts.serialization.codec import contract_of, decode
from opsroom_contracts.status import Status
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import events, person
from services.gateway.tests.kit.portal import Address, Portal, services, serving

PATH = "/api/v1/status"


async def status_of(address: Address) -> Status:
    """Return the status of a gateway."""
    async with address.requests() as client:
        response = await client.get(PATH)
        assert response.status_code == 200, response.text
    return decode(contract_of(Status), response.content)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_status_over_http_and_nats_has_services_streams_and_connections(portal: Portal) -> None:
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
        reply = await broker.client.request(STATUS.subject, b"", timeout=5)
    finally:
        await broker.close()
    over_nats = decode(contract_of(Status), reply.data)
    assert [replica.id for replica in over_nats.replicas] == [replica.id for replica in found.replicas]


async def test_the_status_lists_missing_services_and_needs_the_broker(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    await broker.start()
    async with AsyncExitStack() as run_tasks:
        await run_tasks.enter_async_context(services(broker.url, replicas=2))
        async with serving(broker.url) as address, serving(broker.url):
            whole = await status_of(address)
            counted = [replica.service for replica in whole.replicas]
            assert counted == ["gateway", "gateway", "chat", "chat", "cloud", "cloud"]
            assert whole.missing == ()
            await run_tasks.aclose()
            lacking = await until_answer(lambda: status_of(address), lambda one: bool(one.missing))
            assert lacking.missing == ("chat", "cloud")
            await broker.kill()
            async with address.requests() as client:
                response = await until_answer(lambda: client.get(PATH), lambda one: one.status_code != 200)
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
            await broker.start()
    await broker.stop()
