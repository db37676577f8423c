"""Messages of one socket keep their order, also next to a chat service without batches."""

from datetime import UTC, datetime

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    SEND_BATCH_MAX,
    SendBatchReply,
    SendBatchRequest,
    SendReply,
    SendRequest,
    SendResult,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.legacy import LegacyFrame
from opsroom_gateway.chat.ordered_sends import OrderedSends
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient


def messages(count: int, text: str = "text") -> list[SendRequest]:
    return [SendRequest(user_id="u", client_id=f"{n}", room="general", text=text) for n in range(count)]


class Chat:
    """A chat service that notes what it is asked for, and refuses what ``faults`` names."""

    def __init__(self, broker: NatsConnection, *, has_batches: bool) -> None:
        self.service = MicroService(broker, name="chat", version="1.0.0", description="A chat.", gauges=dict)
        self.batches: list[int] = []
        self.stored: list[str] = []
        self.faults: dict[str, FaultError] = {}
        self.service.add(endpoints.SEND, self._send)
        if has_batches:
            self.service.add(endpoints.SEND_BATCH, self._send_batch)

    async def _send(self, request: SendRequest) -> SendReply:
        fault = self.faults.get(request.client_id)
        if fault is not None and request.user_id is not None:
            raise fault
        self.stored.append(request.client_id)
        return SendReply(seq=len(self.stored), id=request.client_id, timestamp=datetime.now(UTC))

    async def _send_batch(self, request: SendBatchRequest) -> SendBatchReply:
        self.batches.append(len(request.messages))
        return SendBatchReply(
            results=tuple([SendResult(reply=await self._send(one)) for one in request.messages])
        )


async def chat(broker: NatsConnection, *, has_batches: bool) -> Chat:
    served = Chat(broker, has_batches=has_batches)
    await served.service.start()
    return served


@pytest.mark.parametrize("has_batches", [True, False], ids=["this release", "an earlier release"])
async def test_all_are_stored_in_their_order(broker: NatsConnection, has_batches: bool) -> None:
    served = await chat(broker, has_batches=has_batches)
    sent = await OrderedSends(RequestClient(broker)).send(messages(150))
    assert [one.id for one in sent if isinstance(one, SendReply)] == [str(n) for n in range(150)]
    assert served.stored == [str(n) for n in range(150)]
    assert served.batches == ([SEND_BATCH_MAX, SEND_BATCH_MAX, 22] if has_batches else [])
    await served.service.stop()


async def test_long_messages_are_split_over_requests(broker: NatsConnection) -> None:
    served = await chat(broker, has_batches=True)
    await OrderedSends(RequestClient(broker)).send(messages(60, "😀" * 4000))
    assert served.stored == [str(n) for n in range(60)]
    assert len(served.batches) > 2
    await served.service.stop()


async def test_after_one_that_cannot_be_stored_now_none_is_sent(broker: NatsConnection) -> None:
    served = await chat(broker, has_batches=False)
    served.faults = {
        "2": refuse(ErrorCode.MUTED, "muted"),
        "5": refuse(ErrorCode.UNAVAILABLE, "not now"),
    }
    sent = await OrderedSends(RequestClient(broker, timeout=0.5)).send(messages(80))
    codes = [one.fault.code if isinstance(one, FaultError) else None for one in sent]
    assert codes == [None, None, "muted", None, None, *["unavailable"] * 75]
    assert served.stored == ["0", "1", "3", "4"]
    await served.service.stop()


async def test_an_earlier_release_gets_frames_of_a_user_who_has_left_as_those_of_a_guest(
    broker: NatsConnection,
) -> None:
    served = await chat(broker, has_batches=False)
    served.faults = {"1": refuse(ErrorCode.USER_UNKNOWN, "unknown")}
    raw = LegacyFrame(data="{}")
    sent = await OrderedSends(RequestClient(broker)).send(
        [one.model_copy(update={"raw": raw}) for one in messages(3)]
    )
    assert all(isinstance(one, SendReply) for one in sent)
    assert served.stored == ["0", "1", "2"]
    await served.service.stop()
