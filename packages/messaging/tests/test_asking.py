"""Requester and MicroService together, each on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.model import Model
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.batch_writer import OverloadedError
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until

SUBJECT = "echo.say"


class Say(Model):
    """What is asked in these tests."""

    word: str = "nothing"


class Said(Model):
    """What is answered."""

    word: str


SAY = Endpoint("echo", SUBJECT, Say, Said)


Handler = Callable[[Say], Awaitable[Said]]


async def echo(request: Say) -> Said:
    return Said(word=request.word)


def micro_service(broker: NatsConnection, handler: Handler = echo) -> MicroService:
    service = MicroService(
        broker, name="echo", version="1.2.3", description="Says it again.", gauges=lambda: {"depth": 7}
    )
    service.add(SAY, handler)
    return service


@asynccontextmanager
async def serving(broker: NatsConnection, handler: Handler = echo) -> AsyncIterator[MicroService]:
    service = micro_service(broker, handler)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest.fixture
async def asker(broker_process: BrokerProcess) -> AsyncIterator[NatsConnection]:
    """A connection of the one who asks, apart from the service's."""
    connection = await connect(broker_process.url, name="asker")
    yield connection
    await connection.close()


async def ask(asker: NatsConnection, word: str = "hello", patience: float = 5) -> str:
    return (await RequestClient(asker, patience=patience).request(SAY, Say(word=word))).word


async def test_who_asks_before_the_service_is_there_is_answered_once_it_is(
    broker: NatsConnection, asker: NatsConnection
) -> None:
    asked = asyncio.create_task(ask(asker, patience=15))
    await asyncio.sleep(0)
    assert not await RequestClient(asker).answers("echo", timeout=0.2)
    assert not asked.done()
    async with serving(broker):
        assert await RequestClient(asker).answers("echo")
        assert await asked == "hello"


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"[]", b'{"word":7}', b'{"word":"x","more":1}'])
async def test_a_reply_that_can_not_be_read_is_an_internal_fault_and_not_asked_again(
    broker: NatsConnection, asker: NatsConnection, answer: bytes
) -> None:
    asked = 0

    async def reply(message: Any) -> None:
        nonlocal asked
        asked += 1
        await message.respond(answer)

    await broker.client.subscribe(SUBJECT, cb=reply)
    await broker.client.flush()
    with pytest.raises(FaultError, match="can't be read") as failed:
        await ask(asker)
    assert failed.value.fault.code == ErrorCode.INTERNAL
    assert asked == 1


async def test_an_error_reply_without_a_fault_in_it_is_an_internal_fault(
    broker: NatsConnection, asker: NatsConnection
) -> None:
    async def reply(message: Any) -> None:
        headers = {"Nats-Service-Error": "oops", "Nats-Service-Error-Code": "500"}
        await broker.client.publish(message.reply, b"oops", headers=headers)

    await broker.client.subscribe(SUBJECT, cb=reply)
    await broker.client.flush()
    with pytest.raises(FaultError, match="an error that can't be read"):
        await ask(asker)


@pytest.mark.parametrize("error", [OverloadedError("full"), UnavailableError("gone"), TimeoutError()])
async def test_what_may_pass_is_asked_again(
    broker: NatsConnection, asker: NatsConnection, error: Exception
) -> None:
    asked = 0

    async def fail_twice(request: Say) -> Said:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise error
        return await echo(request)

    async with serving(broker, fail_twice):
        assert await ask(asker) == "hello"
    assert asked == 3


@pytest.mark.parametrize("before", [True, False])
async def test_who_stops_hastens_those_who_wait_and_those_who_still_ask(
    asker: NatsConnection, before: bool
) -> None:
    requester = RequestClient(asker, patience=60)
    asked = asyncio.create_task(requester.request(SAY, Say()))
    if before:
        await asyncio.sleep(0)
        requester.shorten_timeouts(0.1)
    else:
        requester.shorten_timeouts(0.1)
    async with asyncio.timeout(5):
        with pytest.raises(FaultError, match="stops") as failed:
            await asked
    assert failed.value.fault.code == ErrorCode.UNAVAILABLE


async def test_stopping_waits_only_so_long(broker: NatsConnection, asker: NatsConnection) -> None:
    begun = asyncio.Event()

    async def stuck(request: Say) -> Said:
        begun.set()
        await asyncio.Event().wait()
        return await echo(request)

    service = micro_service(broker, stuck)
    await service.start()
    asked = asyncio.create_task(ask(asker, patience=0.2))
    await begun.wait()
    async with asyncio.timeout(2):
        await service.stop(timeout=0.1)
    with pytest.raises(FaultError):
        await asked


async def test_two_services_of_one_name_share_the_requests(
    broker: NatsConnection, broker_process: BrokerProcess, asker: NatsConnection
) -> None:
    answered = {"one": 0, "other": 0}

    def counting(name: str) -> Handler:
        async def handle(request: Say) -> Said:
            answered[name] += 1
            return await echo(request)

        return handle

    second = await connect(broker_process.url, name="second")
    async with serving(broker, counting("one")), serving(second, counting("other")):
        await asyncio.gather(*(ask(asker) for _ in range(100)))
    await second.close()
    assert sum(answered.values()) == 100
    assert min(answered.values()) > 0


async def test_a_request_through_a_killed_broker_is_answered_when_it_is_back(
    broker: NatsConnection, broker_process: BrokerProcess, asker: NatsConnection
) -> None:
    async with serving(broker):
        await broker_process.kill()
        asked = asyncio.create_task(ask(asker, patience=15))
        await broker_process.start()
        assert await asked == "hello"
        await until(lambda: broker.connected)
