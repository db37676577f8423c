"""The portal as processes: replicas, drained, killed, suspended, and without the broker."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from opsroom_contracts.close_codes import Close
from opsroom_contracts.http import NAME_HEADER
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.processes import gateway, ready, service
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import Events, Person, close_code, events, person, token_of
from services.gateway.tests.kit.course_clients import course_client, register
from services.gateway.tests.kit.portal import Address

NOISE = ("Traceback", "never retrieved", "never awaited", '"level": "error"')
"""What must not be in the log of a process that stops in order."""

NAMED = {NAME_HEADER: "a test"}


@asynccontextmanager
async def services(folder: Path, url: str, replicas: int = 1, delay: str = "0.5") -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(replicas):
            await stack.enter_async_context(service("chat", folder, NATS_URL=url))
            await stack.enter_async_context(service("cloud", folder, NATS_URL=url, CLOUD_DELAY_SECONDS=delay))
        yield


async def names_at(address: Address) -> list[str]:
    async with address.requests() as client:
        return [user["name"] for user in (await client.get("/api/v1/chat/users")).json()["users"]]


async def test_two_of_everything_are_one_portal(broker_process: BrokerProcess, tmp_path: Path) -> None:
    url = broker_process.url
    async with services(tmp_path, url, replicas=2):
        async with gateway(tmp_path, NATS_URL=url) as (_, one), gateway(tmp_path, NATS_URL=url) as (_, two):
            first, second = Address(one), Address(two)
            async with person(first, name="anna") as anna, person(second, name="boris") as boris:
                for address in (first, second):
                    await until_answer(partial(names_at, address), lambda names: names == ["anna", "boris"])

                async def talk(someone: Person) -> None:
                    for n in range(30):
                        frame = {"type": "send", "clientId": f"{n}", "room": "general", "text": f"{n}"}
                        await someone.send(frame)

                await asyncio.gather(talk(anna), talk(boris))
                orders = [[(await p.receive("message"))["seq"] for _ in range(60)] for p in (anna, boris)]
                assert orders[0] == orders[1] == sorted(set(orders[0]))
            await one_stream(first, second)


async def one_stream(first: Address, second: Address) -> None:
    """Commands sent to either gateway are published at both, each event once and in the same order."""
    async with events(first) as here, events(second) as there:
        async with first.requests() as a, second.requests() as b:
            answers = await asyncio.gather(
                *(c.post("/api/v1/cloud/instances", headers=NAMED) for c in [a, b] * 10)
            )
            wanted = {answer.json()["operation"]["id"] for answer in answers}
            assert len(wanted) == 20
        told = [[await stream.next() for _ in range(40)] for stream in (here, there)]
        assert told[0] == told[1]
        for kind in ("received", "created"):
            assert {e["data"]["operationId"] for e in told[0] if e["data"]["type"] == kind} == wanted


async def test_a_stop_drains(broker_process: BrokerProcess, tmp_path: Path) -> None:
    url = broker_process.url
    async with services(tmp_path, url), gateway(tmp_path, NATS_URL=url) as (process, port):
        address = Address(port)
        async with person(address) as someone, events(address) as stream:
            await someone.send({"type": "send", "clientId": "last", "room": "general", "text": "last words"})
            assert (await someone.receive("ack"))["clientId"] == "last"
            process.signal(signal.SIGTERM)
            assert await close_code(someone.socket) == Close.GOING_AWAY.value.code
            assert await ended(stream)
        assert await process.ended() == 0
        assert "Traceback" not in process.log.read_text()


async def test_a_stop_while_the_broker_is_away_is_in_order(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    url = broker_process.url
    async with (
        service("chat", tmp_path, NATS_URL=url) as chat,
        service("cloud", tmp_path, NATS_URL=url) as cloud,
        gateway(tmp_path, NATS_URL=url) as (front, port),
        person(Address(port)) as someone,
        Address(port).requests() as client,
    ):
        await someone.say("before")
        await broker_process.kill()
        await ready(port, 503)
        waiting = asyncio.create_task(client.post("/api/v1/cloud/instances", headers=NAMED))
        await someone.send({"type": "send", "clientId": "last", "room": "general", "text": "last words"})
        processes = (chat, cloud, front)
        for process in processes:
            process.signal(signal.SIGTERM)
        assert [await process.ended() for process in processes] == [0, 0, 0]
        # It gets a response if the gateway had accepted the connection before the signal.
        with suppress(httpx.TransportError):
            assert (await waiting).status_code == 503
    for process in processes:
        logged = process.log.read_text()
        assert not [word for word in NOISE if word in logged], logged


async def ended(stream: Events) -> bool:
    try:
        while True:
            await stream.next()
    except AssertionError:
        return True
    except httpx.RemoteProtocolError:
        return False


@pytest.mark.timeout(120)
async def test_people_of_a_dead_gateway_leave_and_those_of_a_sleeper_come_back(
    broker_process: BrokerProcess, tmp_path: Path
) -> None:
    """With the real leases: within 45 s of a kill -9 no user of that gateway is on either list."""
    url = broker_process.url
    async with services(tmp_path, url), AsyncExitStack() as stack:
        (dead, port1), (sleeper, port2), (_, port3) = [
            await stack.enter_async_context(gateway(tmp_path, NATS_URL=url)) for _ in range(3)
        ]
        witness = Address(port3)
        for port, name in ((port1, "course dead"), (port2, "course sleeper")):
            await register(Address(port), name, name)
            course = await stack.enter_async_context(course_client(Address(port), name))
            await course.until_own_message()
        everybody = {"dead", "sleeper", "course dead", "course sleeper"}
        async with person(Address(port1), name="dead"), person(Address(port2), name="sleeper") as asleep:
            async with person(witness, name="witness"):
                await until_answer(lambda: names_at(witness), lambda names: set(names) >= everybody)
                dead.signal(signal.SIGKILL)
                sleeper.signal(signal.SIGSTOP)
                await until_answer(lambda: names_at(witness), lambda names: names == ["witness"], timeout=45)
                sleeper.signal(signal.SIGCONT)
                back = everybody - {"dead", "course dead"}
                await until_answer(lambda: names_at(witness), lambda names: set(names) >= back, timeout=30)
                assert (await asleep.say("good morning"))["type"] == "ack"
                await course.until_own_message()


@pytest.mark.timeout(120)
async def test_a_portal_outlives_its_broker(broker_process: BrokerProcess, tmp_path: Path) -> None:
    url = broker_process.url
    async with services(tmp_path, url, delay="3"), gateway(tmp_path, NATS_URL=url) as (_, port):
        address = Address(port)
        token = await token_of(address, "survivor")
        async with person(address, token) as someone, events(address, since=0) as stream:
            before = await someone.say("before")
            async with address.requests() as client:
                operation = (await client.post("/api/v1/cloud/instances", headers=NAMED)).json()["operation"]
            await broker_process.kill()
            await ready(port, 503)
            await someone.send(
                {"type": "send", "clientId": "meanwhile", "room": "general", "text": "meanwhile"}
            )
            await broker_process.start()
            await ready(port)
            answer = await someone.receive("ack", "error")
            if answer["type"] == "error":
                assert answer["code"] == "unavailable"
                await someone.say("meanwhile", "meanwhile")
            after = await someone.say("after")
            await stream.until("created", operationId=operation["id"])
            async with address.requests() as client:
                path = "/api/v1/chat/rooms/general/messages"
                told = (await client.get(path)).json()["messages"]
            assert [message["text"] for message in told] == ["before", "meanwhile", "after"]
            assert (told[0]["seq"], told[-1]["seq"]) == (before["seq"], after["seq"])
            done = [e["data"] for e in stream.seen if e["data"]["operationId"] == operation["id"]]
            assert [event["type"] for event in done] == ["received", "created"]
