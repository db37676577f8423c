"""Read positions while the chat service has not noticed yet that the messages were replaced."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.reads import (
    ReadPosition,
    ReadRequest,
    RoomUnread,
    Unread,
    UnreadRequest,
)
from opsroom_contracts.chat.reads import ReadPositions as Record
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import reads_subject
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.projections.read_positions import ReadPositions
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.stats import TransportStats
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_testkit.waiting import until

OLD, NEW = "old", "new"
ANN = "ann"


def counted(epoch: str, read: int) -> Unread:
    return Unread(as_of=read, epoch=epoch, rooms=(RoomUnread(room="general", read=read),))


@dataclass
class Chat:
    """A chat service. ``stale``: how many replies are still about the old messages."""

    stale: int = 0
    positions: list[int] = field(default_factory=list)

    async def unread(self, _request: UnreadRequest) -> Unread:
        return self._counted(1)

    async def read(self, request: ReadRequest) -> Unread:
        self.positions.append(request.positions["general"])
        return self._counted(request.positions["general"])

    def _counted(self, read: int) -> Unread:
        if self.stale:
            self.stale -= 1
            return counted(OLD, 6)
        return counted(NEW, read)


class Connection(ClientConnection):
    """One end of a pair of sockets."""

    def close_slow_consumer(self) -> None:
        raise AssertionError("too slow")


@dataclass
class World:
    chat: Chat
    messages: MessageProjection
    reads: ReadPositions
    connection: Connection
    reader: asyncio.StreamReader

    async def notice(self) -> dict[str, Any]:
        """Return the next frame of the socket; it is shorter than 126 bytes."""
        head = await self.reader.readexactly(2)
        frame: dict[str, Any] = json.loads(await self.reader.readexactly(head[1]))
        return frame


@pytest.fixture
async def world(broker: NatsConnection) -> AsyncIterator[World]:
    chat = Chat()
    service = MicroService(broker, name="chat", version="1.0.0", description="A chat.", gauges=dict)
    service.add(endpoints.UNREAD, chat.unread)
    service.add(endpoints.READ, chat.read)
    await service.start()
    messages = MessageProjection(10, RoomReaders(RoomProjection()))
    messages.on_restart(Restart(reset=True, epoch=NEW))
    reads = ReadPositions(RequestClient(broker), messages)
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield World(chat, messages, reads, Connection(transport, 2**16, TransportStats()), reader)
    await reads.stop()
    writer.close()
    transport.close()


async def test_counts_of_the_messages_before_are_not_reported(world: World) -> None:
    world.chat.stale = 2
    assert await world.reads.open(ANN) is None
    world.reads.attach(world.connection, ANN, None)
    assert await world.notice() == {
        "type": "read",
        "room": "general",
        "seq": 1,
        "unread": 0,
        "mentions": 0,
        "asOf": 1,
    }
    assert not world.chat.stale


async def test_a_position_is_sent_until_it_is_one_of_todays_messages(world: World) -> None:
    unread = await world.reads.open(ANN)
    world.reads.attach(world.connection, ANN, unread)
    world.chat.stale = 1
    world.reads.put(ANN, "general", 2)
    await until(lambda: world.chat.positions == [2, 2])
    assert not world.chat.stale


async def test_a_record_of_other_messages_is_skipped(world: World) -> None:
    world.reads.attach(world.connection, ANN, await world.reads.open(ANN))
    for seq, (epoch, position) in enumerate(((OLD, 6), (NEW, 2)), start=1):
        record = Record(user_id=ANN, epoch=epoch, rooms={"general": ReadPosition(seq=position)})
        world.reads.on_message(StreamMessage(seq, reads_subject(ANN), encode(record)))
    assert (await world.notice())["seq"] == 2


async def test_positions_of_messages_that_were_replaced_are_dropped(world: World) -> None:
    world.reads.attach(world.connection, ANN, await world.reads.open(ANN))
    world.chat.stale = 1
    world.reads.put(ANN, "general", 5)
    await until(lambda: world.chat.positions == [5])
    world.messages.on_restart(Restart(reset=True, renewed=True, epoch="newest"))
    world.reads.on_reset()
    world.reads.put(ANN, "general", 1)
    await until(lambda: len(world.chat.positions) > 1)
    assert world.chat.positions[1] == 1
