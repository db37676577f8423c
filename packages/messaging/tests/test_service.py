"""What MicroService refuses, how it bears a crowd, and how it stops in the middle of one."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from opsroom_contracts.chat import WhoamiReply, WhoamiRequest
from opsroom_contracts.codec import MAX_PAYLOAD_BYTES
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, Fault, refuse
from opsroom_messaging.client import microservice as service_module
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.batch_writer import OverloadedError, RefusedError
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until

SUBJECT = "test.echo"
ENDPOINT = Endpoint("test", SUBJECT, WhoamiRequest, WhoamiReply)
Handler = Callable[[WhoamiRequest], Awaitable[WhoamiReply]]


def reply(name: str = "Ann") -> WhoamiReply:
    return WhoamiReply.model_validate({"user": {"id": "u", "name": name}})


@asynccontextmanager
async def serving(broker: NatsConnection, handler: Handler) -> AsyncIterator[MicroService]:
    service = MicroService(
        broker, name="test", version="1.2.3", description="A test.", gauges=lambda: {"gauge": 7}
    )
    service.add(ENDPOINT, handler)
    await service.start()
    try:
        yield service
    finally:
        await service.stop(timeout=1)


async def echo(request: WhoamiRequest) -> WhoamiReply:
    return reply(request.token)


async def ask(broker: NatsConnection, token: str = "Ann", *, patience: float = 2.0) -> str:
    asked = RequestClient(broker, patience=patience).request(ENDPOINT, WhoamiRequest(token=token))
    return (await asked).user.name


async def fault_for(broker: NatsConnection, payload: bytes) -> Fault:
    answer = await broker.client.request(SUBJECT, payload, timeout=5)
    assert answer.headers is not None
    fault = Fault.model_validate_json(answer.data)
    assert answer.headers["Nats-Service-Error"] == fault.code.value
    return fault


async def statistics(broker: NatsConnection) -> dict[str, object]:
    answer = await broker.client.request("$SRV.STATS.test", b"", timeout=5)
    data: dict[str, object] = json.loads(answer.data)["endpoints"][0]["data"]
    return data


@pytest.mark.parametrize(
    ("payload", "field", "words"),
    [
        (b"", "token", "required"),
        (b"{}", "token", "required"),
        (b'{"token": 1}', "token", "valid string"),
        (b'{"token": "t", "more": 1}', "more", "not permitted"),
        (b'{"token": "' + b"t" * 257 + b'"}', "token", "at most 256"),
        (b"null", None, "object"),
        (b"\xff", None, "JSON"),
        (b"[" * 9999, None, "JSON"),
    ],
)
async def test_a_malformed_payload_is_refused_by_field_and_counted(
    broker: NatsConnection, payload: bytes, field: str | None, words: str
) -> None:
    async with serving(broker, echo):
        fault = await fault_for(broker, payload)
        assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, field)
        assert words in fault.message
        assert await ask(broker) == "Ann"
        assert (await statistics(broker))["refusals"] == {"invalid_request": 1}


async def test_an_oversized_payload_is_refused_with_the_limit(broker: NatsConnection) -> None:
    async with serving(broker, echo):
        fault = await fault_for(broker, b" " * (MAX_PAYLOAD_BYTES + 1))
        assert fault.code is ErrorCode.PAYLOAD_TOO_LARGE
        assert str(MAX_PAYLOAD_BYTES) in fault.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refuse(ErrorCode.NAME_TAKEN, "taken", field="name"), ErrorCode.NAME_TAKEN),
        (OverloadedError(), ErrorCode.OVERLOADED),
        (UnavailableError(), ErrorCode.UNAVAILABLE),
        (TimeoutError(), ErrorCode.UNAVAILABLE),
        (RefusedError("secret words"), ErrorCode.INTERNAL),
        (ZeroDivisionError("secret words"), ErrorCode.INTERNAL),
    ],
)
async def test_whatever_a_handler_raises_becomes_an_answer_that_tells_no_secret(
    broker: NatsConnection, error: Exception, code: ErrorCode
) -> None:
    async def fail(request: WhoamiRequest) -> WhoamiReply:
        raise error

    async with serving(broker, fail):
        fault = await fault_for(broker, b'{"token": "t"}')
        assert fault.code is code
        assert "secret" not in fault.message


async def test_what_takes_too_long_is_ended_and_told_so_while_others_are_answered(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_REPLY_SECONDS", 0.3)
    monkeypatch.setattr(service_module, "_LOOK_SECONDS", 0.05)
    ended = asyncio.Event()

    async def handler(request: WhoamiRequest) -> WhoamiReply:
        if request.token == "quick":
            return reply("quick")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with serving(broker, handler):
        slow = asyncio.create_task(fault_for(broker, b'{"token":"slow"}'))
        assert await ask(broker, "quick") == "quick"
        fault = await slow
        assert (fault.code, fault.message) == (ErrorCode.UNAVAILABLE, "this took too long; try again")
        assert ended.is_set()
        assert await ask(broker, "quick") == "quick"
        assert (await statistics(broker))["in_flight"] == 0


async def test_past_the_limit_requests_are_refused_and_come_through_when_sent_again(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_IN_FLIGHT", 2)
    gate = asyncio.Event()
    arrived = 0

    async def wait(request: WhoamiRequest) -> WhoamiReply:
        nonlocal arrived
        arrived += 1
        await gate.wait()
        return reply(request.token)

    async with serving(broker, wait):
        first = [asyncio.create_task(ask(broker, name)) for name in ("a", "b")]
        await until(lambda: arrived == 2)
        assert (await fault_for(broker, b'{"token": "c"}')).code is ErrorCode.OVERLOADED
        again = asyncio.create_task(ask(broker, "c"))
        gate.set()
        assert await asyncio.gather(*first, again) == ["a", "b", "c"]


async def test_a_stop_in_the_middle_of_a_stream_of_requests_loses_none(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """Each is answered, or told at once that nobody is there: what was on its way is not dropped."""
    asker = await connect(broker_process.url, name="asker")
    stopped, asked = asyncio.Event(), 0

    async def keep_asking() -> None:
        nonlocal asked
        while not stopped.is_set():
            await asker.client.publish(SUBJECT, b'{"token": "t"}', reply=inbox)
            asked += 1
            await asker.client.flush()

    async with serving(broker, echo) as service:
        inbox = asker.client.new_inbox()
        answers = await asker.client.subscribe(inbox)
        asking = [asyncio.create_task(keep_asking()) for _ in range(20)]
        await until(lambda: asked > 100)
        await service.stop()
        stopped.set()
        await asyncio.gather(*asking)
        await asker.client.flush()
        for _ in range(asked):
            await answers.next_msg(timeout=2)
    await asker.close()
