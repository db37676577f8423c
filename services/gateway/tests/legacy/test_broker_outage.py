"""The course contract during a broker outage."""

import asyncio
import json

import pytest

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.course_clients import as_list, course_client, register
from services.gateway.tests.kit.portal import gateway_settings, portal_at


@pytest.mark.timeout(90)
async def test_during_a_broker_outage_sockets_stay_open_and_messages_arrive_later_in_order(
    broker_process: BrokerProcess,
) -> None:
    async with portal_at(broker_process.url) as portal, portal.gateway.requests() as http:
        address = portal.gateway
        user = await register(address, "browser", "stayer")
        frames = [json.dumps({"type": "send", "message": f"{n}", "user": user}) for n in range(5)]
        async with course_client(address, "browser") as client, course_client(address, "w") as reader:
            await client.until_own_message()
            await reader.message()
            await broker_process.kill()
            await until_answer(lambda: http.get("/readyz"), lambda response: response.status_code == 503)
            for frame in frames:
                await client.send(frame)
            async with course_client(address, "late") as late:
                assert as_list(await late.receive()) == [user]
            assert (await http.get("/healthz")).status_code == 200
            await broker_process.start()
            assert [await client.message() for _ in frames] == frames
            assert [await reader.message() for _ in frames] == frames
            await until_answer(lambda: http.get("/readyz"), lambda response: response.status_code == 200)
            await client.until_own_message()
            async with course_client(address, "late") as late:
                assert as_list(await late.receive()) == [user]


async def test_commands_during_a_broker_outage_get_errors_in_each_apis_format(
    broker_process: BrokerProcess,
) -> None:
    impatient = gateway_settings(patience_seconds=1.0)
    async with portal_at(broker_process.url, impatient) as portal, portal.gateway.requests() as http:
        await broker_process.kill()
        await until_answer(lambda: http.get("/readyz"), lambda response: response.status_code == 503)
        registration, command, problem = await asyncio.gather(
            http.post("/chat/new-user", json={"name": "too late"}),
            http.post("/cloud/"),
            http.post("/api/v1/cloud/instances"),
        )
        assert registration.status_code == 503
        assert set(registration.json()) == {"status", "message"}
        assert command.status_code == 503
        assert set(command.json()) == {"message"}
        assert (problem.status_code, problem.json()["code"]) == (503, "unavailable")
        assert problem.headers["Retry-After"] == "1"
        assert (await http.get("/cloud/")).json() == []
        await broker_process.start()
        await until_answer(lambda: http.get("/readyz"), lambda response: response.status_code == 200)
        assert (await http.post("/chat/new-user", json={"name": "in time"})).status_code == 200
