"""Requester against a real broker and services that are slow, silent or not there yet."""

import asyncio

import pytest
from nats.aio.msg import Msg

from opsroom_contracts.cloud import ListReply, ListRequest
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_messaging.connection import Broker
from opsroom_messaging.requests import Requester
from opsroom_messaging.service import MicroService

SUBJECT = "cloud.list"


async def never(request: ListRequest) -> ListReply:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def serve(broker: Broker) -> MicroService:
    service = MicroService(broker, name="cloud", version="1.0.0", description="", gauges=dict)
    service.add(SUBJECT, ListRequest, never)
    await service.start()
    return service


async def test_what_stays_silent_is_asked_less_and_less(broker: Broker) -> None:
    """Else a service that needs a moment for a burst gets the burst again and again."""
    asked: list[Msg] = []

    async def keep(message: Msg) -> None:
        asked.append(message)

    service = await serve(broker)
    await broker.client.subscribe(SUBJECT, cb=keep)
    with pytest.raises(FaultError) as silence:
        await Requester(broker, patience=1.5, attempt=0.1).ask(SUBJECT, ListRequest(), ListReply)
    assert silence.value.fault.code is ErrorCode.UNAVAILABLE
    assert 1 < len(asked) <= 5, "at an even pace it would be 15 times"
    await service.stop(timeout=0.1)


async def test_nobody_there_is_told_when_patience_ends(broker: Broker) -> None:
    with pytest.raises(FaultError) as silence:
        await Requester(broker, patience=0.3).ask(SUBJECT, ListRequest(), ListReply)
    assert silence.value.fault.code is ErrorCode.UNAVAILABLE
