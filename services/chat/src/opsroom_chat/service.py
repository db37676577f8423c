"""The chat service put together: what talks to what, on one screen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from opsroom_chat.members import Members, MembersSink
from opsroom_chat.messages import Messages
from opsroom_chat.people import People
from opsroom_chat.settings import ChatSettings
from opsroom_chat.sweeper import Sweeper
from opsroom_contracts import chat, subjects
from opsroom_contracts.subjects import ChatSubject
from opsroom_messaging.connection import Broker
from opsroom_messaging.follower import Follow, Follower, Source
from opsroom_messaging.metrics import single
from opsroom_messaging.process import running
from opsroom_messaging.service import MicroService
from opsroom_messaging.stored import StreamReader
from opsroom_messaging.topology import chat_stream, ensure_stream, gateways_bucket, members_stream
from opsroom_messaging.writer import GroupWriter

_READY_SECONDS = 30.0


def utc_now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


@asynccontextmanager
async def chat_service(broker: Broker, settings: ChatSettings) -> AsyncIterator[asyncio.Event]:
    """The whole service at work on ``broker``; yields an event that is set if a part of it dies.

    Raises:
        BrokerUnusableError: the broker refused the streams.
    """
    await _ensure_streams(broker, settings)
    sink = MembersSink()
    people_source = Source(subjects.MEMBERS_STREAM, (subjects.MEMBERS, subjects.NAMES), Follow.STATE)
    follower = Follower(broker, people_source, sink)
    member_writer, message_writer = GroupWriter(broker), GroupWriter(broker)
    members = Members(
        sink,
        StreamReader(broker, subjects.MEMBERS_STREAM),
        member_writer,
        token_life=timedelta(days=settings.token_days),
    )
    people = People(members, settings.graces(), utc_now)
    messages = Messages(
        members,
        StreamReader(broker, subjects.CHAT_STREAM),
        message_writer,
        rooms=settings.rooms,
        clock=utc_now,
    )
    service = MicroService(
        broker,
        name=subjects.CHAT_SERVICE,
        version=version("opsroom-chat"),
        description="People, names, presence and messages.",
        gauges=lambda: sink.directory.counts() | {"malformed": sink.malformed + messages.malformed},
    )
    service.add(ChatSubject.REGISTER, chat.RegisterRequest, people.register)
    service.add(ChatSubject.JOIN, chat.JoinRequest, people.join)
    service.add(ChatSubject.LEAVE, chat.LeaveRequest, people.leave)
    service.add(ChatSubject.USERS, chat.UsersRequest, people.users)
    service.add(ChatSubject.WHOAMI, chat.WhoamiRequest, people.whoami)
    service.add(ChatSubject.REVOKE, chat.RevokeRequest, people.revoke)
    service.add(ChatSubject.SEND, chat.SendRequest, messages.send)
    service.add(ChatSubject.HISTORY, chat.HistoryRequest, messages.history)

    broker.metrics.count(
        "malformed",
        "What was skipped as it fits no contract.",
        single(lambda: sink.malformed + messages.malformed),
    )
    sweeper = Sweeper(broker, members, settings.graces(), utc_now)
    async with running(
        member_writer=member_writer.run(),
        message_writer=message_writer.run(),
        follower=follower.run(),
    ) as died:
        await follower.ready(_READY_SECONDS)
        async with running(died, sweeper=sweeper.run()):
            await service.start()
            try:
                yield died
            finally:
                await service.stop()


async def _ensure_streams(broker: Broker, settings: ChatSettings) -> None:
    replicas = settings.stream_replicas
    await ensure_stream(
        broker,
        chat_stream(
            max_age=settings.retention_seconds(), max_bytes=settings.retention_bytes, replicas=replicas
        ),
    )
    await ensure_stream(broker, members_stream(replicas=replicas))
    await ensure_stream(broker, gateways_bucket(replicas=replicas))
