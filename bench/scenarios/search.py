"""How fast messages are found, what the index takes for each, and how long it takes to build it again."""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.clients.admin import until_metric
from bench.generators.chat_texts import ChatTexts
from bench.generators.log_fill import fill
from bench.options import Options
from bench.results.statistics import percentile
from bench.results.table import Cell, Table
from bench.servers.portal import Servers, portal, stop_process
from opsroom_contracts import endpoints
from opsroom_contracts.search.models import SearchMessagesRequest
from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import MessagingError
from opsroom_testkit.ports import free_port

_QUERIES = 300
"""Of each kind, one after another."""
_PATIENCE_SECONDS = 300.0
_PATIENCE_PER_MESSAGE = 0.002
_SYNCED = "opsroom_search_index_synced"
_AUTHORS = 100

Query = Callable[[int], str]


def seconds(options: Options) -> float:
    """Return about how long it takes on two cores."""
    return 60 + options.messages / 3_000


async def measure(options: Options) -> list[Table]:
    """Return the times of queries, and the size and the time of the index."""
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        index, admin = Path(folder) / "index", free_port()
        environ = {"CHAT_INDEX_DIR": str(index), "CHAT_ADMIN_PORT": str(admin)}
        async with portal(delay=options.delay, pin=options.pin, chat_environ=environ) as servers:
            try:
                return await _measure(servers, admin, index, options.messages)
            except MessagingError as error:
                raise ConnectionError(str(error)) from error


async def _measure(servers: Servers, admin: int, index: Path, count: int) -> list[Table]:
    patience = _PATIENCE_SECONDS + _PATIENCE_PER_MESSAGE * count
    texts = ChatTexts()
    await until_metric(admin, _SYNCED, CHAT_STREAM, 1, patience)
    await stop_process(servers.processes["chat"])
    await fill(servers.nats_url, range(count), texts.text)
    begun = time.perf_counter()
    await servers.start("chat")
    await until_metric(admin, _SYNCED, CHAT_STREAM, 1, patience)
    built = time.perf_counter() - begun
    print(f"bench: {count:,} messages indexed in {built:.1f} s", file=sys.stderr, flush=True)
    rows = await _query(servers.nats_url, texts)
    await stop_process(servers.processes["chat"])
    size = await asyncio.to_thread(_bytes, index)
    begun = time.perf_counter()
    await servers.start("chat")
    await until_metric(admin, _SYNCED, CHAT_STREAM, 1, patience)
    opened = time.perf_counter() - begun
    return [
        Table(
            f"Search in {count:,} messages in two languages, through chat.search",
            ("query", "found", "p50 ms", "p99 ms", "max ms"),
            rows,
        ),
        Table(
            "The search index",
            ("messages", "bytes/message", "built s", "messages/s", "opened s"),
            [(count, size / count, built, count / built, opened)],
        ),
    ]


async def _query(nats_url: str, texts: ChatTexts) -> list[tuple[Cell, ...]]:
    broker = await connect(nats_url, name="bench")
    try:
        requester = RequestClient(broker, timeout=20.0)
        return [await _kind(requester, name, query) for name, query in _queries(texts).items()]
    finally:
        await broker.close()


async def _kind(requester: RequestClient, name: str, query: Query) -> tuple[Cell, ...]:
    took: list[float] = []
    found = 0
    for number in range(_QUERIES):
        request = SearchMessagesRequest(q=query(number))
        begun = time.perf_counter()
        reply = await requester.request(endpoints.SEARCH, request)
        took.append((time.perf_counter() - begun) * 1e3)
        found += bool(reply.hits)
    return name, found, percentile(took, 0.5), percentile(took, 0.99), max(took)


def _queries(texts: ChatTexts) -> dict[str, Query]:
    """Return queries by what they are; words are as frequent as in messages."""

    def words(count: int) -> Query:
        return lambda number: " ".join(texts.words(number, count)) + " "

    def beginning(length: int) -> Query:
        return lambda number: texts.words(number, 1)[0][:length]

    def common(number: int) -> str:
        return " ".join(texts.vocabularies[number % 2][:2]) + " "

    def across(number: int) -> str:
        return f"{texts.vocabularies[0][number % 3]} {texts.vocabularies[1][number % 3]} "

    def by_author(number: int) -> str:
        return f"{texts.words(number, 1)[0]} from:sender-{random.Random(number).randrange(_AUTHORS)}"

    return {
        "one word": words(1),
        "two words": words(2),
        "four words": words(4),
        "the two most common words": common,
        "two common words, never together": across,
        "a phrase": lambda number: f'"{" ".join(texts.words(number, 2))}"',
        "three letters": beginning(3),
        "four letters": beginning(4),
        "a word and an author": by_author,
        "an author": lambda number: f"from:sender-{number % _AUTHORS}",
        "sixteen common words": lambda number: " ".join(texts.vocabularies[number % 2][:16]) + " ",
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("search-*.sqlite*"))
