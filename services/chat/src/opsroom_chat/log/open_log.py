"""The message log of one chat process, with the index and what keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.index_keeper import IndexKeeper
from opsroom_chat.log.log_writer import LogWriter
from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.message_log import MessageLog
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.log.shard_reader import ShardReader
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_runtime.metrics import single


@dataclass(frozen=True, slots=True)
class OpenLog:
    """The message log of one chat process, and the tasks that keep its index."""

    reader: StreamReader
    messages: MessageLog
    details: RoomDetails
    writer: LogWriter
    subscription: StreamSubscription
    feed: NatsConnection
    keeper: IndexKeeper
    unread: UnreadCounter


@asynccontextmanager
async def open_log(broker: NatsConnection, index_dir: Path | None) -> AsyncIterator[OpenLog]:
    """Open the message log, and at the end save and close its index.

    The index has its own connection. While it is being built, replies would arrive behind all the messages
    that the broker has sent before.
    """
    feed = await broker.open_another()
    try:
        file = await asyncio.to_thread(IndexFile.open, index_dir)
        opened = _build(broker, feed, file)
        try:
            yield opened
        finally:
            await opened.keeper.close()
    finally:
        await feed.close()


def _build(broker: NatsConnection, feed: NatsConnection, file: IndexFile) -> OpenLog:
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
    return OpenLog(
        reader=reader,
        messages=MessageLog(reader, index, shards, writer),
        details=RoomDetails(reader, keeper, subscription),
        writer=writer,
        subscription=subscription,
        feed=feed,
        keeper=keeper,
        unread=UnreadCounter(index, subscription, reader),
    )
