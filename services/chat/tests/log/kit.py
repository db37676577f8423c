"""A separate message log for tests: as in a chat process, without the rest of the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsroom_chat.files.deletion import FileDeletion
from opsroom_chat.files.records import FileRecords
from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.index_keeper import IndexKeeper
from opsroom_chat.log.log_writer import LogWriter
from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.message_log import MessageLog
from opsroom_chat.log.shard_reader import ShardReader
from opsroom_chat.messages.store import FilesOfMessages, MessageStore
from opsroom_contracts.chat.events import MESSAGE_EVENT, MessageEvent
from opsroom_contracts.chat.files import PENDING_SECONDS
from opsroom_contracts.chat.models import User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CHAT_EVENTS, CHAT_STREAM, former_message_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.files.jetstream_store import JetStreamFileStore
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import chat_stream, ensure_stream
from opsroom_messaging.jetstream.writes import WritePublisher
from opsroom_runtime.process import run_tasks

AUTHOR = User(id="author", name="author")
READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Node:
    """The message log of one process."""

    store: MessageStore
    index: MessageIndex
    keeper: IndexKeeper
    subscription: StreamSubscription

    async def send(self, message_id: str, text: str = "hi") -> int:
        """Store a message, or find it; return its sequence."""
        stored = await self.store.add(message(message_id, text))
        return stored.seq if isinstance(stored, StreamMessage) else stored

    async def ready(self) -> None:
        """Wait until the index is complete."""
        await self.subscription.ready(READY_SECONDS)


def message(message_id: str, text: str = "hi") -> MessageEvent:
    return MessageEvent(
        id=message_id, room="general", user=AUTHOR, text=text, timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )


async def create_stream(broker: NatsConnection) -> None:
    await ensure_stream(broker, chat_stream(max_age=0, max_bytes=-1, replicas=1))


async def put_former(broker: NatsConnection, message_id: str) -> int:
    """Store a message as a release before decision 0050 did."""
    subject = former_message_subject("general", message_id)
    return (await broker.jetstream.publish(subject, encode(message(message_id)))).seq


async def stored_ids(broker: NatsConnection) -> dict[int, str]:
    """The ids of all messages in the stream by their sequences."""
    reader, found, start = StreamReader(broker, CHAT_STREAM), dict[int, str](), 1
    while page := await reader.page(CHAT_EVENTS, start=start, count=500):
        found |= {one.seq: MESSAGE_EVENT.read(one.data).id for one in page}
        start = page[-1].seq + 1
    return found


@asynccontextmanager
async def node(url: str, folder: Path | None, *, builds_index: bool = True) -> AsyncIterator[Node]:
    """Run a message log with its index in ``folder``. ``builds_index``: else nothing feeds the index."""
    broker = await connect(url, name="chat")
    try:
        file = await asyncio.to_thread(IndexFile.open, folder)
        index, reader = MessageIndex(file), StreamReader(broker, CHAT_STREAM)
        resume = None if file.saved is None else file.saved.point
        source = SubscriptionSpec(CHAT_STREAM, (CHAT_EVENTS,), StartPolicy.EVENTS, resume=resume)
        subscription = StreamSubscription(broker, source, index)
        shards = ShardReader(reader, index, subscription)
        writer = LogWriter(broker, index, shards)
        records = FileRecords(reader, WritePublisher(broker), PENDING_SECONDS)
        files = FilesOfMessages(records, FileDeletion(records, JetStreamFileStore(broker)))
        messages = MessageLog(reader, index, shards, writer)
        store = MessageStore(reader, messages, SecureDeleter(broker, CHAT_STREAM), files)
        keeper = IndexKeeper(file, index, subscription, reader)
        tasks = {"writer": writer.run(), "keeper": keeper.run()}
        if builds_index:
            tasks["subscription"] = subscription.run()
        try:
            async with run_tasks(None, **tasks):
                yield Node(store, index, keeper, subscription)
        finally:
            await keeper.close()
    finally:
        await broker.close()
