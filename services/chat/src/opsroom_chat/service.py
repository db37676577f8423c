"""The chat service put together: what talks to what, on one screen."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from opsroom_chat.auditing import audited
from opsroom_chat.member_repository import MemberProjection, MemberRepository
from opsroom_chat.message_removal import MessageRemoval
from opsroom_chat.messages import Messages
from opsroom_chat.presence_handlers import Clock, PresenceHandlers
from opsroom_chat.restrictions import RestrictionHandlers
from opsroom_chat.settings import ChatSettings
from opsroom_chat.sweeper import Sweeper
from opsroom_contracts import endpoints, subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import chat_stream, ensure_stream, gateways_bucket, members_stream
from opsroom_runtime.metrics import single
from opsroom_runtime.process import run_tasks

_READY_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Chat:
    """What a process of the chat is made of: everything that answers or runs."""

    sink: MemberProjection
    people: PresenceHandlers
    messages: Messages
    removing: MessageRemoval
    restricting: RestrictionHandlers
    sweeper: Sweeper
    audit: AuditWriter
    writers: tuple[BatchWriter, BatchWriter]


@asynccontextmanager
async def chat_service(broker: NatsConnection, settings: ChatSettings) -> AsyncIterator[asyncio.Event]:
    """The whole service at work on ``broker``; yields an event that is set if a part of it dies.

    Raises:
        BrokerUnusableError: the broker refused the streams.
    """
    await _ensure_streams(broker, settings)
    clock = BrokerClock()
    await clock.sync(broker, subjects.MEMBERS_STREAM)
    chat = _build(broker, settings, clock)
    source = SubscriptionSpec(
        subjects.MEMBERS_STREAM, (subjects.MEMBERS, subjects.NAMES, subjects.RESTRICTIONS), StartPolicy.STATE
    )
    follower = StreamSubscription(broker, source, chat.sink)
    service = _endpoints(broker, chat)
    member_writer, message_writer = chat.writers
    async with run_tasks(
        member_writer=member_writer.run(),
        message_writer=message_writer.run(),
        follower=follower.run(),
        audit=chat.audit.run(),
        clock=clock.run(broker, subjects.MEMBERS_STREAM),
    ) as died:
        await follower.ready(_READY_SECONDS)
        try:
            await chat.removing.finish()  # before anybody is shown what was removed
        except UnavailableError as error:
            log.warning("what was removed is erased a little later: %s", error)
        async with run_tasks(died, sweeper=chat.sweeper.run()):
            await service.start()
            try:
                yield died
            finally:
                await service.stop()
                await chat.audit.drain()


def _build(broker: NatsConnection, settings: ChatSettings, clock: Clock) -> _Chat:
    sink = MemberProjection()
    member_writer, message_writer = BatchWriter(broker), BatchWriter(broker)
    member_reader = StreamReader(broker, subjects.MEMBERS_STREAM)
    message_reader = StreamReader(broker, subjects.CHAT_STREAM)
    graces = settings.graces()
    members = MemberRepository(
        sink, member_reader, member_writer, token_life=timedelta(days=settings.token_days)
    )
    eraser = SecureDeleter(broker, subjects.CHAT_STREAM)
    removing = MessageRemoval(message_reader, message_writer, eraser, clock=clock)
    return _Chat(
        sink=sink,
        people=PresenceHandlers(members, graces, clock),
        messages=Messages(members, message_reader, message_writer, rooms=settings.rooms, clock=clock),
        removing=removing,
        restricting=RestrictionHandlers(members, member_reader, member_writer, graces, clock),
        sweeper=Sweeper(broker, members, removing, graces, clock),
        audit=AuditWriter(broker),
        writers=(member_writer, message_writer),
    )


def _endpoints(broker: NatsConnection, chat: _Chat) -> MicroService:
    def skipped() -> int:
        return chat.sink.malformed + chat.messages.malformed

    service = MicroService(
        broker,
        name=subjects.CHAT_SERVICE,
        version=version("opsroom-chat"),
        description="People, names, presence and messages.",
        gauges=lambda: chat.sink.index.counts() | {"malformed": skipped()},
    )
    broker.metrics.counter_callback("malformed", "What was skipped as it fits no contract.", single(skipped))
    people, messages, audit = chat.people, chat.messages, chat.audit
    service.add(endpoints.REGISTER, people.register)
    service.add(endpoints.JOIN, people.join)
    service.add(endpoints.LEAVE, people.leave)
    service.add(endpoints.USERS, people.users)
    service.add(endpoints.WHOAMI, people.whoami)
    service.add(endpoints.SEND, messages.send)
    service.add(endpoints.HISTORY, messages.history)
    service.add(endpoints.REVOKE, audited(audit, people.revoke))
    service.add(endpoints.REMOVE_MESSAGE, audited(audit, chat.removing.remove))
    service.add(endpoints.RESTRICT, audited(audit, chat.restricting.restrict))
    service.add(endpoints.LIFT, audited(audit, chat.restricting.lift))
    service.add(endpoints.RESTRICTIONS, chat.restricting.page)
    return service


async def _ensure_streams(broker: NatsConnection, settings: ChatSettings) -> None:
    replicas = settings.stream_replicas
    await ensure_stream(
        broker,
        chat_stream(
            max_age=settings.retention_seconds(), max_bytes=settings.retention_bytes, replicas=replicas
        ),
    )
    await ensure_stream(broker, members_stream(replicas=replicas))
    await ensure_stream(broker, gateways_bucket(replicas=replicas))
