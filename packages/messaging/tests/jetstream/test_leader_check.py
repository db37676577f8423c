"""A refusal that depends on a read is final only after a write has landed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.js.api import StreamConfig

from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.leader_check import LeaderCheck
from opsroom_messaging.jetstream.stream_reader import StreamReader

STREAM, SUBJECT = "T", "t.probe"


async def last_seq(broker: NatsConnection) -> int:
    return (await StreamReader(broker, STREAM).bounds()).last


async def make_stream(broker: NatsConnection) -> None:
    config = StreamConfig(name=STREAM, subjects=["t.>"], allow_msg_ttl=True, allow_rollup_hdrs=True)
    await broker.jetstream.add_stream(config)


def refusing(code: ErrorCode, times: int) -> tuple[Callable[[str], Awaitable[str]], list[str]]:
    """Return a handler that refuses ``times`` times, and what it was called with."""
    calls: list[str] = []

    async def handler(request: str) -> str:
        calls.append(request)
        if len(calls) <= times:
            raise refuse(code, "no")
        return "yes"

    return handler, calls


async def test_before_a_refusal_the_handler_is_called_again_after_a_write(broker: NatsConnection) -> None:
    await make_stream(broker)
    check = LeaderCheck(broker, SUBJECT, replicas=3)
    handler, calls = refusing(ErrorCode.MESSAGE_UNKNOWN, 1)
    assert await check.confirming(handler)("a") == "yes"
    assert (calls, await last_seq(broker)) == (["a", "a"], 1)
    handler, calls = refusing(ErrorCode.TOKEN_INVALID, 2)
    with pytest.raises(FaultError) as refused:
        await check.confirming(handler)("b")
    assert refused.value.fault.code is ErrorCode.TOKEN_INVALID
    assert (calls, await last_seq(broker)) == (["b", "b"], 2)


async def test_without_a_write_it_is_unavailable_and_not_refused(broker: NatsConnection) -> None:
    handler, calls = refusing(ErrorCode.MESSAGE_UNKNOWN, 2)
    with pytest.raises(UnavailableError):
        await LeaderCheck(broker, SUBJECT, replicas=3).confirming(handler)("a")
    assert calls == ["a"]


@pytest.mark.parametrize(("code", "replicas"), [(ErrorCode.MUTED, 3), (ErrorCode.MESSAGE_UNKNOWN, 1)])
async def test_other_refusals_and_those_of_a_single_broker_need_no_write(
    broker: NatsConnection, code: ErrorCode, replicas: int
) -> None:
    handler, calls = refusing(code, 1)
    with pytest.raises(FaultError):
        await LeaderCheck(broker, SUBJECT, replicas=replicas).confirming(handler)("a")
    assert calls == ["a"]


async def test_concurrent_refusals_share_writes_that_began_after_them(broker: NatsConnection) -> None:
    await make_stream(broker)
    check = LeaderCheck(broker, SUBJECT, replicas=3)
    await asyncio.gather(*(check.confirm() for _ in range(100)))
    assert await last_seq(broker) == 1
    first = asyncio.create_task(check.confirm())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # now its write has begun
    await asyncio.gather(first, *(check.confirm() for _ in range(100)))
    assert await last_seq(broker) == 3
