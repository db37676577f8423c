"""A session that is put on the user's record again, while other sockets of the device join."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import JoinReply, JoinRequest, Member, MemberStatus, ProtocolVersion, User
from opsroom_gateway.presence.device_sessions import DeviceSessions
from opsroom_gateway.presence.sessions import Sessions
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_testkit.waiting import until

ANN = User(id="ann", name="Ann")
TOKEN = "ann.secret"


@dataclass
class Chat:
    """A chat service that answers to all joins but the first once ``gate`` is set."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    joins: int = 0

    async def join(self, _request: JoinRequest) -> JoinReply:
        self.joins += 1
        if self.joins > 1:
            await self.gate.wait()
        return JoinReply(user=ANN, seq=self.joins)


class Socket:
    """A socket without a network."""

    def lost(self, *, exited: bool) -> None:
        raise AssertionError(f"closed, exited: {exited}")


async def test_a_socket_of_the_device_waits_until_the_session_is_on_the_record_again(
    broker: NatsConnection,
) -> None:
    chat = Chat()
    service = MicroService(broker, name="chat", version="1.0.0", description="A chat.", gauges=dict)
    service.add(endpoints.JOIN, chat.join)
    await service.start()
    sessions = Sessions(RequestClient(broker), "g")
    devices = DeviceSessions(sessions)
    device = await devices.join(TOKEN, Socket())
    gone = Member(
        user=ANN,
        dialect=ProtocolVersion.V1,
        status=MemberStatus.AWAY,
        joined_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    sessions.on_member(gone, seq=2)  # this gateway slept for longer than its lease
    second = asyncio.create_task(devices.join(TOKEN, Socket()))
    await until(lambda: chat.joins == 2)
    assert device.session.rejoining
    assert not second.done()
    chat.gate.set()
    assert await second is device
    assert not device.session.rejoining
