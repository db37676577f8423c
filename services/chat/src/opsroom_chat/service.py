"""Composition root of the chat service."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from opsroom_chat.auditing import with_audit
from opsroom_chat.bot_handlers import BotHandlers
from opsroom_chat.changes.cards import Cards
from opsroom_chat.changes.edits import Edits
from opsroom_chat.changes.people import People
from opsroom_chat.changes.pins import Pins
from opsroom_chat.changes.reactions import Reactions
from opsroom_chat.changes.threads import Threads
from opsroom_chat.commands import Replies
from opsroom_chat.device_handlers import DeviceHandlers
from opsroom_chat.files.handlers import FileHandlers
from opsroom_chat.files.parts import FileParts, build_files
from opsroom_chat.following.followers import Followers
from opsroom_chat.following.handlers import FollowingHandlers
from opsroom_chat.history import History
from opsroom_chat.imports.handlers import ImportHandlers
from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.index_keeper import IndexKeeper
from opsroom_chat.log.log_writer import LogWriter, store_conflicts
from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.message_log import MessageLog
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.log.shard_reader import ShardReader
from opsroom_chat.member_repository import MemberProjection, MemberRepository
from opsroom_chat.mentions import MentionFinder
from opsroom_chat.message_store import FilesOfMessages, MessageStore
from opsroom_chat.messages import Contents, Messages
from opsroom_chat.past import Past
from opsroom_chat.person_records import PersonRecords, RecordKind
from opsroom_chat.presence_handlers import Clock, PresenceHandlers, joining_together
from opsroom_chat.push.gate import PushReaders
from opsroom_chat.push.records import NotificationRecords
from opsroom_chat.push.service import PushParts, pushes
from opsroom_chat.reads.handlers import ReadHandlers
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_chat.restrictions import RestrictionHandlers
from opsroom_chat.rooms.access import RoomAccess
from opsroom_chat.rooms.catch_up import CatchUp
from opsroom_chat.rooms.handlers import RoomHandlers
from opsroom_chat.rooms.room_store import RoomStore
from opsroom_chat.search.service import message_search
from opsroom_chat.settings import ChatSettings
from opsroom_chat.sweeper import Sweeper
from opsroom_contracts import endpoints, subjects
from opsroom_contracts.chat.reads import READ_POSITIONS
from opsroom_contracts.chat.threads import FOLLOWED_THREADS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.leader_check import LeaderCheck
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_epoch import EpochKeeper
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import (
    chat_stream,
    gateways_bucket,
    members_stream,
    probes_stream,
)
from opsroom_messaging.jetstream.superseded import SupersededMessages
from opsroom_messaging.jetstream.upkeep import KeptStream, Upkeep
from opsroom_messaging.jetstream.write_probe import WriteProbe
from opsroom_runtime.metrics import single
from opsroom_runtime.process import run_tasks

_READY_SECONDS = 30.0
_SEEN_SECONDS = 2.0
_INDEX_SECONDS = 2.0
"""A start waits this long for the index. If it takes longer, shards are read when they are needed."""
_MEMBERS_SOURCE = SubscriptionSpec(
    subjects.MEMBERS_STREAM,
    (
        subjects.MEMBERS,
        subjects.NAMES,
        subjects.RESTRICTIONS,
        subjects.ROOM_RECORDS,
        subjects.MEMBERSHIPS,
        subjects.NOTIFICATIONS,
        subjects.PUSH_DEVICES,
    ),
    StartPolicy.STATE,
)
_PROBED = {
    subjects.CHAT_STREAM: subjects.erasure_subject(subjects.PROBE_ID),
    subjects.MEMBERS_STREAM: subjects.moderated_subject(subjects.PROBE_ID),
}
"""A subject of each stream that nobody reads."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Log:
    """The message log of one chat process, and the tasks that keep its index."""

    reader: StreamReader
    messages: MessageLog
    details: RoomDetails
    writer: LogWriter
    subscription: StreamSubscription
    feed: NatsConnection
    keeper: IndexKeeper
    unread: UnreadCounter


@dataclass(frozen=True, slots=True)
class _Chat:
    """The components of one chat process."""

    projection: MemberProjection
    presence: PresenceHandlers
    devices: DeviceHandlers
    bots: BotHandlers
    imports: ImportHandlers
    store: MessageStore
    access: RoomAccess
    rooms: RoomHandlers
    reads: ReadHandlers
    following: FollowingHandlers
    messages: Messages
    replies: Replies
    people: People
    edits: Edits
    cards: Cards
    reactions: Reactions
    pins: Pins
    files: FileHandlers
    push: PushParts
    restriction_handlers: RestrictionHandlers
    sweeper: Sweeper
    audit: AuditWriter
    member_writer: BatchWriter


@asynccontextmanager
async def chat_service(broker: NatsConnection, settings: ChatSettings) -> AsyncIterator[asyncio.Event]:
    """Run the whole service on ``broker``; yields an event that is set if a background task fails.

    Raises:
        BrokerUnusableError: the broker rejected the streams.
    """
    upkeep = _upkeep(broker, settings)
    await upkeep.create()
    clock = BrokerClock()
    await clock.start(broker, subjects.MEMBERS_STREAM)
    async with _message_log(broker, settings) as message_log:
        async with _serving(broker, settings, upkeep, clock, message_log) as died:
            yield died


@asynccontextmanager
async def _serving(
    broker: NatsConnection, settings: ChatSettings, upkeep: Upkeep, clock: BrokerClock, message_log: _Log
) -> AsyncIterator[asyncio.Event]:
    projection = MemberProjection()
    subscription = StreamSubscription(broker, _MEMBERS_SOURCE, projection)
    files = build_files(broker, settings)
    chat = _build(broker, settings, clock, message_log, (projection, subscription), files)
    service = _endpoints(broker, chat, settings.stream_replicas)
    async with run_tasks(
        member_writer=chat.member_writer.run(),
        log_writer=message_log.writer.run(),
        index_subscription=message_log.subscription.run(),
        index=message_log.keeper.run(),
        subscription=subscription.run(),
        audit=chat.audit.run(),
        upkeep=upkeep.run(),
        files=files.run(),
        write_probe=_write_probe(broker, upkeep).run(),
        clock=clock.run(broker, subjects.MEMBERS_STREAM),
        epochs=EpochKeeper(broker, (subjects.CHAT_STREAM, subjects.MEMBERS_STREAM)).run(),
    ) as died:
        await subscription.ready(_READY_SECONDS)
        with suppress(TimeoutError):
            await message_log.subscription.ready(_INDEX_SECONDS)
        try:
            await chat.store.finish_erasures()  # before removed messages could be served
        except UnavailableError as error:
            log.warning("pending erasures are retried by the sweeper: %s", error)
        async with (
            message_search(
                broker, message_log.feed, message_log.subscription, chat.access, settings.index_dir
            ) as search,
            pushes(broker, chat.push, settings) as push,
            run_tasks(died, sweeper=chat.sweeper.run(), search=search.indexer.run(), push=push.run()),
        ):
            search.handlers.register(service)
            push.handlers.register(service)
            await service.start()
            try:
                yield died
            finally:
                await service.stop()
                await chat.reads.close()
                await chat.audit.drain()


@asynccontextmanager
async def _message_log(broker: NatsConnection, settings: ChatSettings) -> AsyncIterator[_Log]:
    """Open the message log, and at the end save and close its index.

    The index has its own connection. While it is being built, replies would arrive behind all the messages
    that the broker has sent before.
    """
    feed = await broker.open_another()
    try:
        file = await asyncio.to_thread(IndexFile.open, settings.index_dir)
        opened = _build_log(broker, feed, file)
        try:
            yield opened
        finally:
            await opened.keeper.close()
    finally:
        await feed.close()


def _build_log(broker: NatsConnection, feed: NatsConnection, file: IndexFile) -> _Log:
    reader, index = StreamReader(broker, subjects.CHAT_STREAM), MessageIndex(file)
    source = SubscriptionSpec(
        subjects.CHAT_STREAM,
        (subjects.CHAT_EVENTS,),
        StartPolicy.EVENTS,
        resume=None if file.saved is None else file.saved.point,
    )
    subscription = StreamSubscription(feed, source, index, pace=index.pace)
    shards = ShardReader(reader, index, subscription)
    writer = LogWriter(broker, index, shards)
    broker.metrics.gauge(
        "message_index_synced", "1 once the message index is complete.", single(lambda: index.synced)
    )
    keeper = IndexKeeper(file, index, subscription, reader)
    return _Log(
        reader=reader,
        messages=MessageLog(reader, index, shards, writer),
        details=RoomDetails(reader, keeper, subscription),
        writer=writer,
        subscription=subscription,
        feed=feed,
        keeper=keeper,
        unread=UnreadCounter(index, subscription, reader),
    )


def _build(
    broker: NatsConnection,
    settings: ChatSettings,
    clock: Clock,
    message_log: _Log,
    of_members: tuple[MemberProjection, StreamSubscription],
    files: FileParts,
) -> _Chat:
    projection, subscription = of_members
    member_writer = BatchWriter(broker)
    member_reader = StreamReader(broker, subjects.MEMBERS_STREAM)
    message_reader, details = message_log.reader, message_log.details
    grace_periods = settings.grace_periods()
    members = MemberRepository(
        projection,
        member_reader,
        member_writer,
        token_life=timedelta(days=settings.token_days),
        conflicts=store_conflicts(broker.metrics),
    )
    eraser = SecureDeleter(broker, subjects.CHAT_STREAM)
    of_files = FilesOfMessages(files.records, files.deletion)
    store = MessageStore(message_reader, message_log.messages, eraser, of_files)
    superseded = SupersededMessages(broker, subjects.MEMBERS_STREAM, member_writer, clock)
    catch_up = CatchUp(member_reader, subscription)
    mentions = MentionFinder(lambda: projection.index, asyncio.get_running_loop().time)
    access = RoomAccess(lambda: projection.index.rooms, settings.rooms, catch_up)
    people = People(members, access, clock)
    history = History(message_reader, details)
    rooms = RoomStore(members, member_reader, member_writer)
    ttl = int(settings.retention_seconds())
    reads = PersonRecords(
        RecordKind(READ_POSITIONS, subjects.reads_subject, ttl), member_reader, member_writer
    )
    follows = PersonRecords(
        RecordKind(FOLLOWED_THREADS, subjects.follows_subject, ttl), member_reader, member_writer
    )
    followers = Followers(follows, message_log.unread)
    threads = Threads(store, details, access, followers)
    read_handlers = ReadHandlers(
        reads,
        message_log.unread,
        index=lambda: projection.index.rooms,
        open_rooms=settings.rooms,
        catch_up=catch_up,
    )

    async def seen(seq: int) -> None:
        await subscription.wait_for(seq, _SEEN_SECONDS)

    return _Chat(
        projection=projection,
        presence=PresenceHandlers(members, grace_periods, clock),
        devices=DeviceHandlers(members, grace_periods, clock),
        bots=BotHandlers(members, clock),
        imports=ImportHandlers(rooms, store, catch_up, open_rooms=settings.rooms, clock=clock),
        store=store,
        access=access,
        rooms=RoomHandlers(
            rooms, open_rooms=settings.rooms, clock=clock, seen=seen, head=lambda: message_log.unread.place
        ),
        reads=read_handlers,
        following=FollowingHandlers(
            followers,
            message_log.unread,
            details,
            store=store,
            access=access,
            rooms=read_handlers.rooms_of,
        ),
        messages=Messages(
            members,
            store,
            Past(message_reader, history),
            access=access,
            contents=Contents(files.records, mentions, threads),
            clock=clock,
        ),
        replies=Replies(store, access, threads, clock),
        people=people,
        edits=Edits(store, people, mentions, threads, clock=clock),
        cards=Cards(store, access, threads, clock=clock),
        files=FileHandlers(files.records, files.store, people, access),
        reactions=Reactions(store, message_log.messages, details, people, clock=clock),
        push=PushParts(
            NotificationRecords(member_reader, member_writer),
            PushReaders(members, store, reads, follows, message_log.unread, catch_up),
            clock,
            messages=message_log.subscription,
            delivering=message_log.feed,
            open_rooms=settings.rooms,
        ),
        pins=Pins(message_reader, store, details, access),
        restriction_handlers=RestrictionHandlers(members, member_reader, member_writer, grace_periods, clock),
        sweeper=Sweeper(broker, members, store, superseded, grace_periods, clock),
        audit=AuditWriter(broker),
        member_writer=member_writer,
    )


def _endpoints(broker: NatsConnection, chat: _Chat, replicas: int) -> MicroService:
    def skipped() -> int:
        return chat.projection.malformed + chat.messages.malformed

    service = MicroService(
        broker,
        name=subjects.CHAT_SERVICE,
        version=version("opsroom-chat"),
        description="People, names, presence and messages.",
        gauges=lambda: chat.projection.index.counts() | {"malformed": skipped()},
    )
    broker.metrics.counter_callback(
        "malformed", "Messages skipped because they fit no contract.", single(skipped)
    )
    presence, audit = chat.presence, chat.audit
    probes = {stream: LeaderCheck(broker, subject, replicas=replicas) for stream, subject in _PROBED.items()}
    of_members = probes[subjects.MEMBERS_STREAM].confirming
    of_messages = probes[subjects.CHAT_STREAM].confirming
    chat.messages.register(service)
    chat.rooms.register(service)
    chat.reads.register(service)
    chat.following.register(service)
    chat.files.register(service)
    service.add(endpoints.REGISTER, presence.register)
    service.add(endpoints.JOIN, of_members(presence.join))
    service.add(endpoints.JOIN_BATCH, joining_together(of_members(presence.join)))
    service.add(endpoints.LEAVE, presence.leave)
    service.add(endpoints.USERS, presence.users)
    service.add(endpoints.WHOAMI, of_members(presence.whoami))
    service.add(endpoints.REVOKE, with_audit(audit, of_members(presence.revoke)))
    service.add(endpoints.INVITE, with_audit(audit, of_members(chat.devices.invite)))
    service.add(endpoints.WITHDRAW, with_audit(audit, of_members(chat.devices.withdraw)))
    service.add(endpoints.LINK, with_audit(audit, of_members(chat.devices.link)))
    service.add(endpoints.EXCHANGE, with_audit(audit, of_members(chat.devices.exchange)))
    service.add(endpoints.SIGN_OUT, with_audit(audit, of_members(chat.devices.sign_out)))
    service.add(endpoints.IMPORT, with_audit(audit, of_messages(chat.imports.store)))
    service.add(endpoints.CREATE_BOT, with_audit(audit, of_members(chat.bots.create)))
    service.add(endpoints.REMOVE_MESSAGE, with_audit(audit, of_messages(chat.edits.remove)))
    service.add(endpoints.REPLY, of_messages(chat.replies.reply))
    service.add(endpoints.MAY_SEND, of_members(chat.people.answer))
    service.add(endpoints.EDIT, of_messages(chat.edits.edit))
    service.add(endpoints.CARD, of_messages(chat.cards.put))
    service.add(endpoints.DELETE, of_messages(chat.edits.delete))
    service.add(endpoints.REACT, of_messages(chat.reactions.react))
    service.add(endpoints.PIN, of_messages(chat.reactions.pin))
    service.add(endpoints.PINS, chat.pins.page)
    service.add(endpoints.RESTRICT, with_audit(audit, of_members(chat.restriction_handlers.restrict)))
    service.add(endpoints.LIFT, with_audit(audit, of_members(chat.restriction_handlers.lift)))
    service.add(endpoints.RESTRICTIONS, chat.restriction_handlers.page)
    return service


def _upkeep(broker: NatsConnection, settings: ChatSettings) -> Upkeep:
    """The upkeep of the streams that this service owns."""
    replicas = settings.stream_replicas
    messages = chat_stream(
        max_age=settings.retention_seconds(), max_bytes=settings.retention_bytes, replicas=replicas
    )
    owned = (messages, members_stream(replicas=replicas), gateways_bucket(replicas=replicas))
    return Upkeep(broker, [KeptStream(spec) for spec in owned], optional=probes_stream(replicas=replicas))


def _write_probe(broker: NatsConnection, upkeep: Upkeep) -> WriteProbe:
    return WriteProbe(broker, subjects.CHAT_SERVICE, _PROBED, exists=lambda: upkeep.has_optional)
