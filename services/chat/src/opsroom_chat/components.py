"""The components of one chat process, and how they are connected."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from opsroom_chat.changes.cards import Cards
from opsroom_chat.changes.edits import Edits
from opsroom_chat.changes.people import People
from opsroom_chat.changes.pins import Pins
from opsroom_chat.changes.reactions import Reactions
from opsroom_chat.changes.threads import Threads
from opsroom_chat.files.handlers import FileHandlers
from opsroom_chat.files.parts import FileParts
from opsroom_chat.following.followers import Followers
from opsroom_chat.following.handlers import FollowingHandlers
from opsroom_chat.imports.files import ImportedFiles
from opsroom_chat.imports.handlers import ImportedContents, ImportHandlers
from opsroom_chat.log.log_writer import store_conflicts
from opsroom_chat.log.open_log import OpenLog
from opsroom_chat.members.bot_handlers import BotHandlers
from opsroom_chat.members.device_handlers import DeviceHandlers
from opsroom_chat.members.person_records import PersonRecords, RecordKind
from opsroom_chat.members.presence_handlers import PresenceHandlers
from opsroom_chat.members.repository import MemberProjection, MemberRepository
from opsroom_chat.members.restriction_handlers import RestrictionHandlers
from opsroom_chat.messages.handlers import Contents, Messages
from opsroom_chat.messages.history import History
from opsroom_chat.messages.mentions import MentionFinder
from opsroom_chat.messages.past import Past
from opsroom_chat.messages.replies import Replies
from opsroom_chat.messages.store import FilesOfMessages, MessageStore
from opsroom_chat.push.gate import PushReaders
from opsroom_chat.push.records import NotificationRecords
from opsroom_chat.push.service import PushParts
from opsroom_chat.reads.handlers import ReadHandlers
from opsroom_chat.rooms.access import RoomAccess
from opsroom_chat.rooms.catch_up import CatchUp
from opsroom_chat.rooms.handlers import RoomHandlers
from opsroom_chat.rooms.room_store import RoomStore
from opsroom_chat.settings import ChatSettings
from opsroom_chat.sweeper import Sweeper
from opsroom_contracts import subjects
from opsroom_contracts.chat.reads import READ_POSITIONS
from opsroom_contracts.chat.threads import FOLLOWED_THREADS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.superseded import SupersededMessages

_SEEN_SECONDS = 2.0
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


@dataclass(frozen=True, slots=True)
class State:
    """What the components share: the messages, the records of people and rooms, and how they are written."""

    broker: NatsConnection
    settings: ChatSettings
    clock: BrokerClock
    log: OpenLog
    files: FileParts
    projection: MemberProjection
    subscription: StreamSubscription
    reader: StreamReader
    writer: BatchWriter
    members: MemberRepository
    store: MessageStore
    catch_up: CatchUp
    access: RoomAccess
    people: People
    rooms: RoomStore


@dataclass(frozen=True, slots=True)
class OfMembers:
    """Handlers of people, bots, rooms and restrictions, and what tidies up after them."""

    presence: PresenceHandlers
    devices: DeviceHandlers
    bots: BotHandlers
    rooms: RoomHandlers
    restrictions: RestrictionHandlers
    sweeper: Sweeper


@dataclass(frozen=True, slots=True)
class OfReaders:
    """What people have read, which threads they follow, and how they are notified."""

    reads: ReadHandlers
    followers: Followers
    following: FollowingHandlers
    push: PushParts


@dataclass(frozen=True, slots=True)
class OfMessages:
    """Handlers of messages and of changes to them."""

    messages: Messages
    replies: Replies
    edits: Edits
    cards: Cards
    reactions: Reactions
    pins: Pins
    files: FileHandlers
    imports: ImportHandlers
    imported_files: ImportedFiles


@dataclass(frozen=True, slots=True)
class Components:
    """The components of one chat process."""

    state: State
    of_members: OfMembers
    of_readers: OfReaders
    of_messages: OfMessages
    audit: AuditWriter


def components(
    broker: NatsConnection, settings: ChatSettings, clock: BrokerClock, log: OpenLog, files: FileParts
) -> Components:
    """Connect the components."""
    state = _state(broker, settings, clock, log, files)
    of_readers = _of_readers(state)
    return Components(
        state=state,
        of_members=_of_members(state),
        of_readers=of_readers,
        of_messages=_of_messages(state, of_readers.followers),
        audit=AuditWriter(broker),
    )


def _state(
    broker: NatsConnection, settings: ChatSettings, clock: BrokerClock, log: OpenLog, files: FileParts
) -> State:
    projection, writer = MemberProjection(), BatchWriter(broker)
    subscription = StreamSubscription(broker, _MEMBERS_SOURCE, projection)
    reader = StreamReader(broker, subjects.MEMBERS_STREAM)
    members = MemberRepository(
        projection,
        reader,
        writer,
        token_life=timedelta(days=settings.token_days),
        conflicts=store_conflicts(broker.metrics),
    )
    eraser = SecureDeleter(broker, subjects.CHAT_STREAM)
    catch_up = CatchUp(reader, subscription)
    access = RoomAccess(lambda: projection.index.rooms, settings.rooms, catch_up)
    return State(
        broker=broker,
        settings=settings,
        clock=clock,
        log=log,
        files=files,
        projection=projection,
        subscription=subscription,
        reader=reader,
        writer=writer,
        members=members,
        store=MessageStore(log.reader, log.messages, eraser, FilesOfMessages(files.records, files.deletion)),
        catch_up=catch_up,
        access=access,
        people=People(members, access, clock),
        rooms=RoomStore(members, reader, writer),
    )


def _of_members(state: State) -> OfMembers:
    members, clock, open_rooms = state.members, state.clock, state.settings.rooms
    grace_periods = state.settings.grace_periods()
    superseded = SupersededMessages(state.broker, subjects.MEMBERS_STREAM, state.writer, clock)

    async def seen(seq: int) -> None:
        await state.subscription.wait_for(seq, _SEEN_SECONDS)

    return OfMembers(
        presence=PresenceHandlers(members, grace_periods, clock),
        devices=DeviceHandlers(members, grace_periods, clock),
        bots=BotHandlers(members, clock),
        rooms=RoomHandlers(
            state.rooms, open_rooms=open_rooms, clock=clock, seen=seen, head=lambda: state.log.unread.place
        ),
        restrictions=RestrictionHandlers(members, state.reader, state.writer, grace_periods, clock),
        sweeper=Sweeper(state.broker, members, state.store, superseded, grace_periods, clock),
    )


def _of_readers(state: State) -> OfReaders:
    log, open_rooms = state.log, state.settings.rooms
    life = int(state.settings.retention_seconds())
    positions = RecordKind(READ_POSITIONS, subjects.reads_subject, life)
    followed = RecordKind(FOLLOWED_THREADS, subjects.follows_subject, life)
    reads = PersonRecords(positions, state.reader, state.writer)
    follows = PersonRecords(followed, state.reader, state.writer)
    followers = Followers(follows, log.unread)
    handlers = ReadHandlers(
        reads,
        log.unread,
        index=lambda: state.projection.index.rooms,
        open_rooms=open_rooms,
        catch_up=state.catch_up,
    )
    return OfReaders(
        reads=handlers,
        followers=followers,
        following=FollowingHandlers(
            followers,
            log.unread,
            log.details,
            store=state.store,
            access=state.access,
            rooms=handlers.rooms_of,
        ),
        push=PushParts(
            NotificationRecords(state.reader, state.writer),
            PushReaders(state.members, state.store, reads, follows, log.unread, state.catch_up),
            state.clock,
            messages=log.subscription,
            delivering=log.feed,
            open_rooms=open_rooms,
        ),
    )


def _of_messages(state: State, followers: Followers) -> OfMessages:
    log, store, access, people, clock = state.log, state.store, state.access, state.people, state.clock
    mentions = MentionFinder(lambda: state.projection.index, asyncio.get_running_loop().time)
    threads = Threads(store, log.details, access, followers)
    reactions = Reactions(store, log.messages, log.details, people, clock=clock)
    imported_files = ImportedFiles(state.rooms, state.files.records, store)
    return OfMessages(
        messages=Messages(
            state.members,
            store,
            Past(log.reader, History(log.reader, log.details)),
            access=access,
            contents=Contents(state.files.records, mentions, threads),
            clock=clock,
        ),
        replies=Replies(store, access, threads, clock),
        edits=Edits(store, people, mentions, threads, clock=clock),
        cards=Cards(store, access, threads, clock=clock),
        reactions=reactions,
        pins=Pins(log.reader, store, log.details, access),
        files=FileHandlers(state.files.records, state.files.store, people, access),
        imports=ImportHandlers(
            state.rooms,
            store,
            state.catch_up,
            ImportedContents(imported_files, reactions),
            open_rooms=state.settings.rooms,
            clock=clock,
        ),
        imported_files=imported_files,
    )
