"""MicroService: errors, limits, timeouts, and stopping under load."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from opsroom_contracts.chat.models import WhoamiReply, WhoamiRequest
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, Fault, refuse
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES
from opsroom_messaging.client import microservice
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import OverloadedError, RejectedError, UnavailableError
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


async def request_name(broker: NatsConnection, token: str = "Ann", *, timeout: float = 2.0) -> str:
    client = RequestClient(broker, timeout=timeout)
    return (await client.request(ENDPOINT, WhoamiRequest(token=token))).user.name


async def fault_for(broker: NatsConnection, payload: bytes) -> Fault:
    response = await broker.client.request(SUBJECT, payload, timeout=5)
    assert response.headers is not None
    fault = Fault.model_validate_json(response.data)
    assert response.headers["Nats-Service-Error"] == fault.code.value
    return fault


async def statistics(broker: NatsConnection) -> dict[str, object]:
    response = await broker.client.request("$SRV.STATS.test", b"", timeout=5)
    data: dict[str, object] = json.loads(response.data)["endpoints"][0]["data"]
    return data


@pytest.mark.parametrize(
    ("payload", "field", "text"),
    [
        (b"", "token", "required"),
        (b"{}", "token", "required"),
        (b'{"token": 1}', "token", "must be text"),
        (b'{"token": "t", "more": 1}', "more", "not permitted"),
        (b'{"token": "' + b"t" * 257 + b'"}', "token", "at most 256"),
        (b"null", None, "object"),
        (b"\xff", None, "JSON"),
        (b"[" * 9999, None, "JSON"),
    ],
)
async def test_a_malformed_payload_is_rejected_by_field_and_counted(
    broker: NatsConnection, payload: bytes, field: str | None, text: str
) -> None:
    async with serving(broker, echo):
        fault = await fault_for(broker, payload)
        assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, field)
        assert text in fault.message
        assert await request_name(broker) == "Ann"
        assert (await statistics(broker))["refusals"] == {"invalid_request": 1}


async def test_an_oversized_payload_is_rejected_with_the_limit(broker: NatsConnection) -> None:
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
        (RejectedError("secret text"), ErrorCode.INTERNAL),
        (ZeroDivisionError("secret text"), ErrorCode.INTERNAL),
    ],
)
async def test_an_exception_of_a_handler_becomes_a_reply_without_internal_details(
    broker: NatsConnection, error: Exception, code: ErrorCode
) -> None:
    async def fail(request: WhoamiRequest) -> WhoamiReply:
        raise error

    async with serving(broker, fail):
        fault = await fault_for(broker, b'{"token": "t"}')
        assert fault.code is code
        assert "secret" not in fault.message


async def test_a_slow_request_times_out_while_others_are_answered(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microservice, "_REQUEST_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(microservice, "_TIMEOUT_CHECK_SECONDS", 0.05)
    cancelled = asyncio.Event()

    async def handler(request: WhoamiRequest) -> WhoamiReply:
        if request.token == "quick":
            return reply("quick")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(broker, handler):
        slow = asyncio.create_task(fault_for(broker, b'{"token":"slow"}'))
        assert await request_name(broker, "quick") == "quick"
        fault = await slow
        assert (fault.code, fault.message) == (ErrorCode.UNAVAILABLE, "the request timed out; try again")
        assert cancelled.is_set()
        assert await request_name(broker, "quick") == "quick"
        assert (await statistics(broker))["in_flight"] == 0


async def test_requests_over_the_limit_are_rejected_and_succeed_when_retried(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microservice, "MAX_IN_FLIGHT", 2)
    gate = asyncio.Event()
    arrived = 0

    async def wait(request: WhoamiRequest) -> WhoamiReply:
        nonlocal arrived
        arrived += 1
        await gate.wait()
        return reply(request.token)

    async with serving(broker, wait):
        first = [asyncio.create_task(request_name(broker, name)) for name in ("a", "b")]
        await until(lambda: arrived == 2)
        assert (await fault_for(broker, b'{"token": "c"}')).code is ErrorCode.OVERLOADED
        again = asyncio.create_task(request_name(broker, "c"))
        gate.set()
        assert await asyncio.gather(*first, again) == ["a", "b", "c"]


async def test_stopping_under_load_loses_no_request(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """Each gets a reply or an immediate "no responders"; requests on their way are not dropped."""
    requester = await connect(broker_process.url, name="requester")
    stopped, sent = asyncio.Event(), 0

    async def send_requests() -> None:
        nonlocal sent
        while not stopped.is_set():
            await requester.client.publish(SUBJECT, b'{"token": "t"}', reply=inbox)
            sent += 1
            await requester.client.flush()

    async with serving(broker, echo) as service:
        inbox = requester.client.new_inbox()
        replies = await requester.client.subscribe(inbox)
        sending = [asyncio.create_task(send_requests()) for _ in range(20)]
        await until(lambda: sent > 100)
        await service.stop()
        stopped.set()
        await asyncio.gather(*sending)
        await requester.client.flush()
        for _ in range(sent):
            await replies.next_msg(timeout=2)
    await requester.close()


async def test_a_reply_that_is_larger_than_the_broker_accepts_is_an_error_and_not_silence(
    broker: NatsConnection,
) -> None:
    class Long(WhoamiReply):
        """A reply that its contract does not bound."""

        text: str

    async def handler(_request: WhoamiRequest) -> WhoamiReply:
        return Long.model_validate(reply().model_dump() | {"text": "x" * broker.client.max_payload})

    async with serving(broker, handler):
        fault = await fault_for(broker, b'{"token": "t"}')
        assert fault.code is ErrorCode.INTERNAL
        assert "a smaller page" in fault.message
