"""RequestClient and MicroService, each with its own connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import OverloadedError, UnavailableError
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until

SUBJECT = "echo.request"


class EchoRequest(Model):
    """The request of these tests."""

    word: str = "nothing"
    client_id: str | None = None
    request_id: str | None = None


class EchoReply(Model):
    """The reply of these tests."""

    word: str


ECHO = Endpoint("echo", SUBJECT, EchoRequest, EchoReply)


Handler = Callable[[EchoRequest], Awaitable[EchoReply]]


async def echo(request: EchoRequest) -> EchoReply:
    return EchoReply(word=request.word)


def micro_service(broker: NatsConnection, handler: Handler = echo) -> MicroService:
    service = MicroService(
        broker, name="echo", version="1.2.3", description="Echoes.", gauges=lambda: {"depth": 7}
    )
    service.add(ECHO, handler)
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
async def requester(broker_process: BrokerProcess) -> AsyncIterator[NatsConnection]:
    """The connection of the client."""
    connection = await connect(broker_process.url, name="requester")
    yield connection
    await connection.close()


async def send(requester: NatsConnection, word: str = "hello", timeout: float = 5) -> str:
    return (await RequestClient(requester, timeout=timeout).request(ECHO, EchoRequest(word=word))).word


async def test_a_request_is_answered_once_the_service_starts(
    broker: NatsConnection, requester: NatsConnection
) -> None:
    pending = asyncio.create_task(send(requester, timeout=15))
    await asyncio.sleep(0)
    assert not await RequestClient(requester).is_responding("echo", timeout=0.2)
    assert not pending.done()
    async with serving(broker):
        assert await RequestClient(requester).is_responding("echo")
        assert await pending == "hello"


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"[]", b'{"word":7}'])
async def test_an_invalid_reply_is_an_internal_fault_without_a_retry(
    broker: NatsConnection, requester: NatsConnection, answer: bytes
) -> None:
    attempts = 0

    async def reply(message: Any) -> None:
        nonlocal attempts
        attempts += 1
        await message.respond(answer)

    await broker.client.subscribe(SUBJECT, cb=reply)
    await broker.client.flush()
    with pytest.raises(FaultError, match="can't be read") as failed:
        await send(requester)
    assert failed.value.fault.code == ErrorCode.INTERNAL
    assert attempts == 1


async def test_an_invalid_error_reply_is_an_internal_fault(
    broker: NatsConnection, requester: NatsConnection
) -> None:
    async def reply(message: Any) -> None:
        headers = {"Nats-Service-Error": "oops", "Nats-Service-Error-Code": "500"}
        await broker.client.publish(message.reply, b"oops", headers=headers)

    await broker.client.subscribe(SUBJECT, cb=reply)
    await broker.client.flush()
    with pytest.raises(FaultError, match="an error that can't be read"):
        await send(requester)


@pytest.mark.parametrize("error", [OverloadedError("full"), UnavailableError("gone"), TimeoutError()])
async def test_transient_errors_are_retried(
    broker: NatsConnection, requester: NatsConnection, error: Exception
) -> None:
    attempts = 0

    async def fail_twice(request: EchoRequest) -> EchoReply:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise error
        return await echo(request)

    async with serving(broker, fail_twice):
        assert await send(requester) == "hello"
    assert attempts == 3


@pytest.mark.parametrize("before", [True, False])
async def test_shortened_timeouts_apply_to_current_and_later_requests(
    requester: NatsConnection, before: bool
) -> None:
    client = RequestClient(requester, timeout=60)
    pending = asyncio.create_task(client.request(ECHO, EchoRequest()))
    if before:
        await asyncio.sleep(0)
        client.shorten_timeouts(0.1)
    else:
        client.shorten_timeouts(0.1)
    async with asyncio.timeout(5):
        with pytest.raises(FaultError, match="stopping") as failed:
            await pending
    assert failed.value.fault.code == ErrorCode.UNAVAILABLE


async def test_stopping_a_service_has_a_timeout(broker: NatsConnection, requester: NatsConnection) -> None:
    started = asyncio.Event()

    async def stuck(request: EchoRequest) -> EchoReply:
        started.set()
        await asyncio.Event().wait()
        return await echo(request)

    service = micro_service(broker, stuck)
    await service.start()
    pending = asyncio.create_task(send(requester, timeout=0.2))
    await started.wait()
    async with asyncio.timeout(2):
        await service.stop(timeout=0.1)
    with pytest.raises(FaultError):
        await pending


async def test_two_processes_of_a_service_share_the_requests(
    broker: NatsConnection, broker_process: BrokerProcess, requester: NatsConnection
) -> None:
    handled = {"one": 0, "other": 0}

    def counting(name: str) -> Handler:
        async def handle(request: EchoRequest) -> EchoReply:
            handled[name] += 1
            return await echo(request)

        return handle

    second = await connect(broker_process.url, name="second")
    async with serving(broker, counting("one")), serving(second, counting("other")):
        await asyncio.gather(*(send(requester) for _ in range(100)))
    await second.close()
    assert sum(handled.values()) == 100
    assert min(handled.values()) > 0


async def test_a_request_during_a_broker_restart_is_answered(
    broker: NatsConnection, broker_process: BrokerProcess, requester: NatsConnection
) -> None:
    async with serving(broker):
        await broker_process.kill()
        pending = asyncio.create_task(send(requester, timeout=15))
        await broker_process.start()
        assert await pending == "hello"
        await until(lambda: broker.connected)


async def test_retries_of_a_silent_service_back_off_exponentially(
    broker: NatsConnection, requester: NatsConnection
) -> None:
    """Otherwise a service that is slow during a burst would get the same burst again and again."""

    async def never(request: EchoRequest) -> EchoReply:
        await asyncio.Event().wait()
        return await echo(request)

    sent: list[bytes] = []
    service = micro_service(broker, never)
    await service.start()
    await broker.subscribe(SUBJECT, sent.append)
    with pytest.raises(FaultError) as failed:
        await RequestClient(requester, timeout=1.5, first_timeout=0.1).request(ECHO, EchoRequest())
    assert failed.value.fault.code is ErrorCode.UNAVAILABLE
    assert 1 < len(sent) <= 5, "at an even pace it would be 15 times"
    await service.stop(timeout=0.1)


async def test_requests_that_a_dead_process_had_are_sent_again_soon_however_busy_the_client_is(
    broker: NatsConnection, broker_process: BrokerProcess, requester: NatsConnection
) -> None:
    """Waiting longer is for services that are slow, not for processes that never reply."""
    received = 0

    async def never(request: EchoRequest) -> EchoReply:
        nonlocal received
        received += 1
        await asyncio.Event().wait()
        return await echo(request)

    silent = micro_service(broker, never)
    await silent.start()
    client = RequestClient(requester, timeout=2.9, first_timeout=0.3)
    pending = [asyncio.create_task(client.request(ECHO, EchoRequest())) for _ in range(150)]
    await until(lambda: received >= 150)
    await silent.stop(timeout=0)
    second = await connect(broker_process.url, name="second")
    async with serving(second):
        assert [reply.word for reply in await asyncio.gather(*pending)] == ["nothing"] * 150
    await second.close()


@pytest.mark.parametrize(
    ("keys", "word"),
    [({"client_id": "k"}, "accepted"), ({"request_id": "k"}, "accepted"), ({}, "refused")],
)
async def test_a_refusal_is_not_final_while_an_earlier_attempt_may_be_accepted(
    broker: NatsConnection, requester: NatsConnection, keys: dict[str, str], word: str
) -> None:
    """A process is stopped for a moment. Meanwhile another one refuses, and then the reason is gone."""
    received = 0
    refused = asyncio.Event()

    async def serve(request: EchoRequest) -> EchoReply:
        nonlocal received
        received += 1
        if received == 1:
            await refused.wait()
            return EchoReply(word="accepted")
        asyncio.get_running_loop().call_later(0.3, refused.set)
        raise refuse(ErrorCode.FORBIDDEN, "refused")

    async with serving(broker, serve):
        client = RequestClient(requester, first_timeout=0.1)
        try:
            found = (await client.request(ECHO, EchoRequest.model_validate(keys))).word
        except FaultError as error:
            found = error.fault.message
        assert (found, received) == (word, 2)


async def test_attempts_do_not_back_off_while_later_requests_have_their_replies(
    broker: NatsConnection, requester: NatsConnection
) -> None:
    """If one of two processes sleeps, an unlucky request meets it several times in a row."""
    lost = 0

    async def lose_the_first_four(request: EchoRequest) -> EchoReply:
        nonlocal lost
        if request.word == "unlucky" and lost < 4:
            lost += 1
            await asyncio.Event().wait()
        return await echo(request)

    service = micro_service(broker, lose_the_first_four)
    await service.start()
    client = RequestClient(requester, timeout=2.4, first_timeout=0.3)
    unlucky = asyncio.create_task(client.request(ECHO, EchoRequest(word="unlucky")))
    while not unlucky.done():
        await client.request(ECHO, EchoRequest(word="lucky"))
        await asyncio.wait([unlucky], timeout=0.05)
    assert (await unlucky).word == "unlucky"
    await service.stop(timeout=0)


async def test_a_burst_that_makes_a_service_slow_is_not_sent_again(
    broker: NatsConnection, requester: NatsConnection
) -> None:
    received = 0
    turn = asyncio.Lock()

    async def slow(request: EchoRequest) -> EchoReply:
        nonlocal received
        received += 1
        async with turn:
            await asyncio.sleep(0.01)
        return await echo(request)

    async with serving(broker, slow):
        client = RequestClient(requester, timeout=30, first_timeout=0.3)
        await asyncio.gather(*(client.request(ECHO, EchoRequest()) for _ in range(200)))
    assert received < 250


async def test_without_a_service_a_request_fails_after_its_timeout(broker: NatsConnection) -> None:
    with pytest.raises(FaultError) as failed:
        await RequestClient(broker, timeout=0.3).request(ECHO, EchoRequest())
    assert failed.value.fault.code is ErrorCode.UNAVAILABLE


async def test_fields_that_a_newer_service_adds_to_a_reply_are_ignored(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    class NewerReply(EchoReply):
        """The reply of a later release."""

        next: int = 7

    async def newer(request: EchoRequest) -> EchoReply:
        return NewerReply(word=request.word)

    async with serving(broker, newer):
        caller = await connect(broker_process.url, name="caller")
        try:
            assert (await RequestClient(caller).request(ECHO, EchoRequest(word="hi"))).word == "hi"
        finally:
            await caller.close()
