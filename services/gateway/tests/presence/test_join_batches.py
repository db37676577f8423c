"""Joins that come together make few requests, and each gets its own outcome."""

import asyncio
from dataclasses import dataclass, field

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    JOIN_BATCH_MAX,
    Connection,
    JoinBatchReply,
    JoinBatchRequest,
    JoinReply,
    JoinRequest,
    JoinResult,
    User,
)
from opsroom_contracts.errors import ErrorCode, Fault, FaultError, refuse
from opsroom_gateway.presence.join_batches import JoinBatches
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient


def a_join(name: str) -> JoinRequest:
    return JoinRequest(connection=Connection(id=name, gateway="g"), token=f"{name}.secret")


@dataclass
class Chat:
    """A chat service that notes the sizes of the requests, and refuses what ``faults`` names.

    ``is_lame``: it refuses all requests of several joins. ``gate``: it answers to them once this is set.
    """

    broker: NatsConnection
    has_batches: bool = True
    is_lame: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    sizes: list[int] = field(default_factory=list)
    faults: dict[str, ErrorCode] = field(default_factory=dict)

    async def start(self) -> None:
        self.gate.set()
        service = MicroService(self.broker, name="chat", version="1.0.0", description="A chat.", gauges=dict)
        service.add(endpoints.JOIN, self._join)
        if self.has_batches:
            service.add(endpoints.JOIN_BATCH, self._join_batch)
        await service.start()

    async def _join(self, request: JoinRequest) -> JoinReply:
        self.sizes.append(1)
        return self._reply(request)

    async def _join_batch(self, request: JoinBatchRequest) -> JoinBatchReply:
        self.sizes.append(len(request.joins))
        await self.gate.wait()
        if self.is_lame:
            raise refuse(ErrorCode.UNAVAILABLE, "not now", retry_after=1.0)
        return JoinBatchReply(results=tuple(map(self._result, request.joins)))

    def _result(self, request: JoinRequest) -> JoinResult:
        try:
            return JoinResult(reply=self._reply(request))
        except FaultError as error:
            return JoinResult(fault=error.fault)

    def _reply(self, request: JoinRequest) -> JoinReply:
        code = self.faults.get(request.connection.id)
        if code is ErrorCode.UNAVAILABLE:
            del self.faults[request.connection.id]  # it passes
        if code is not None:
            raise FaultError(Fault(code=code, message="refused"))
        return JoinReply(user=User(id=request.connection.id, name="a name"), seq=1)


async def outcomes(batches: JoinBatches, count: int) -> list[str]:
    """Join ``count`` users at once, and return the id or the error of each."""
    joins = (batches.join(a_join(f"u{number}")) for number in range(count))
    found = await asyncio.gather(*joins, return_exceptions=True)
    return [one.user.id if isinstance(one, JoinReply) else str(one).partition(":")[0] for one in found]


async def test_joins_at_once_are_few_requests(broker: NatsConnection) -> None:
    chat = Chat(broker)
    await chat.start()
    batches = JoinBatches(RequestClient(broker, timeout=60))
    assert await outcomes(batches, 200) == [f"u{number}" for number in range(200)]
    assert sum(chat.sizes) == 200
    assert max(chat.sizes) == JOIN_BATCH_MAX
    assert len(chat.sizes) == 4
    assert await outcomes(batches, 1) == ["u0"]
    assert chat.sizes[4:] == [1]


async def test_one_that_is_refused_does_not_refuse_the_others(broker: NatsConnection) -> None:
    chat = Chat(broker, faults={"u3": ErrorCode.TOKEN_INVALID, "u5": ErrorCode.UNAVAILABLE})
    await chat.start()
    found = await outcomes(JoinBatches(RequestClient(broker, timeout=60)), 10)
    assert found == [f"u{n}" if n != 3 else "token_invalid" for n in range(10)]
    assert chat.sizes == [10, 1], "what may pass is tried again alone"


async def test_an_earlier_release_gets_one_request_for_each(broker: NatsConnection) -> None:
    chat = Chat(broker, has_batches=False, faults={"u3": ErrorCode.BANNED})
    await chat.start()
    found = await outcomes(JoinBatches(RequestClient(broker, timeout=60)), 10)
    assert found == [f"u{n}" if n != 3 else "banned" for n in range(10)]
    assert chat.sizes == [1] * 10


async def test_nobody_waits_for_several_timeouts(broker: NatsConnection) -> None:
    chat = Chat(broker, is_lame=True)
    await chat.start()
    batches = JoinBatches(RequestClient(broker, timeout=60))
    assert await outcomes(batches, 10 * JOIN_BATCH_MAX) == ["unavailable"] * 10 * JOIN_BATCH_MAX
    assert chat.sizes == [JOIN_BATCH_MAX] * 2
    chat.is_lame = False
    assert await outcomes(batches, 3) == ["u0", "u1", "u2"]


async def test_a_stop_refuses_what_waits(broker: NatsConnection) -> None:
    chat = Chat(broker)
    await chat.start()
    chat.gate.clear()
    batches = JoinBatches(RequestClient(broker, timeout=60))
    waiting = asyncio.create_task(outcomes(batches, 3 * JOIN_BATCH_MAX))
    while not chat.sizes:
        await asyncio.sleep(0)
    await batches.close()
    assert await waiting == ["unavailable"] * 3 * JOIN_BATCH_MAX
    chat.gate.set()


async def test_a_join_that_is_cancelled_does_not_hold_up_the_others(broker: NatsConnection) -> None:
    chat = Chat(broker)
    await chat.start()
    batches = JoinBatches(RequestClient(broker, timeout=60))
    gone = asyncio.create_task(batches.join(a_join("gone")))
    others = asyncio.create_task(outcomes(batches, 5))
    await asyncio.sleep(0)
    gone.cancel()
    assert await others == [f"u{number}" for number in range(5)]
    with pytest.raises(asyncio.CancelledError):
        await gone
