"""The search of one chat process: its index, the task that keeps it, and the handler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from opsroom_chat.rooms.access import RoomAccess
from opsroom_chat.search.handlers import SearchHandlers
from opsroom_chat.search.indexer import SearchIndexer
from opsroom_chat.search.search_file import SearchFile
from opsroom_chat.search.terms import Stems
from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription
from opsroom_runtime.metrics import single


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """The parts of an open search."""

    handlers: SearchHandlers
    indexer: SearchIndexer


@asynccontextmanager
async def message_search(
    broker: NatsConnection,
    feed: NatsConnection,
    subscription: StreamSubscription,
    access: RoomAccess,
    folder: Path | None,
) -> AsyncIterator[MessageSearch]:
    """Open the search, and close its index at the end.

    ``feed``: the connection that the index is read over, so that replies don't wait behind pages.
    ``subscription``: by which this process knows what the stream has.
    """
    file = await asyncio.to_thread(SearchFile.open, folder)
    stems = Stems()
    indexer = SearchIndexer(
        file,
        StreamReader(feed, CHAT_STREAM),
        stems=stems,
        wait_for=subscription.wait_for,
        is_public=access.is_public,
    )
    broker.metrics.gauge(
        "search_index_synced", "1 once the search index is complete.", single(lambda: indexer.synced)
    )
    try:
        yield MessageSearch(
            SearchHandlers(indexer, StreamReader(broker, CHAT_STREAM), access, stems), indexer
        )
    finally:
        await indexer.close()
