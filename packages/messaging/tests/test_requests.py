"""Requester against a real broker and services that are slow, silent or not there yet."""

import asyncio
from itertools import pairwise

import pytest

from opsroom_contracts.cloud import ListReply, ListRequest
from opsroom_contracts.endpoints import LIST_INSTANCES
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient

SUBJECT = LIST_INSTANCES.subject


async def never(request: ListRequest) -> ListReply:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def serve(broker: NatsConnection) -> MicroService:
    service = MicroService(broker, name="cloud", version="1.0.0", description="", gauges=dict)
    service.add(LIST_INSTANCES, never)
    await service.start()
    return service


async def test_what_stays_silent_is_asked_less_and_less(broker: NatsConnection) -> None:
    """Else a service that needs a moment for a burst gets the burst again and again."""
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    service = await serve(broker)
    await broker.listen(SUBJECT, lambda _: asked.append(loop.time()))
    with pytest.raises(FaultError) as silence:
        await RequestClient(broker, patience=1.5, attempt=0.1).request(LIST_INSTANCES, ListRequest())
    assert silence.value.fault.code is ErrorCode.UNAVAILABLE
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert len(asked) == 4
    assert all(later > 1.5 * earlier for earlier, later in pairwise(gaps))
    await service.stop(timeout=0.1)


async def test_nobody_there_is_told_when_patience_ends(broker: NatsConnection) -> None:
    with pytest.raises(FaultError) as silence:
        await RequestClient(broker, patience=0.3).request(LIST_INSTANCES, ListRequest())
    assert silence.value.fault.code is ErrorCode.UNAVAILABLE
