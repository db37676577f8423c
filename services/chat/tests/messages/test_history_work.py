"""The history of a small room next to a large one: counted in what the broker has to do, not in seconds."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from nats.aio.msg import Msg

from opsroom_chat.messages import history
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import HistoryReply, User
from opsroom_contracts.endpoints import HISTORY, SEARCH
from opsroom_contracts.search.models import SearchMessagesRequest
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_contracts.subjects import CHAT_STREAM, message_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream import backward_reader
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import service

OTHERS = 20_000
EARLY, LATE = 70, 3
AUTHOR = User(id="author", name="author")


@pytest.fixture
async def rooms(broker: NatsConnection) -> AsyncIterator[None]:
    """A running service with two rooms."""
    async with service(broker, rooms=frozenset({"general", "ops"})):
        yield


@dataclass
class Work:
    """Requests to the broker about the stream, and messages that it returned."""

    requests: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    async def on_request(self, message: Msg) -> None:
        self.requests[message.subject] += 1

    async def on_reply(self, message: Msg) -> None:
        self.messages += "Nats-Sequence" in (message.headers or {})


async def indexed(broker: NatsConnection, room: str, message_id: str) -> None:
    """Wait until both indexes have read the stream up to this message, so that only the history reads it."""
    requester = RequestClient(broker)

    async def found() -> list[str]:
        reply = await requester.request(SEARCH, SearchMessagesRequest(q="hi ", room=room, limit=1))
        return [hit.message.id for hit in reply.hits]

    async def history_or_error() -> Msg:
        query = json.dumps({"room": room, "limit": 1}).encode()
        return await broker.client.request(HISTORY.subject, query, timeout=30)

    await until_answer(found, lambda ids: message_id in ids, 60)
    await until_answer(history_or_error, lambda reply: not reply.headers, 60)


@asynccontextmanager
async def observed(broker: NatsConnection) -> AsyncIterator[Work]:
    """Observe what happens at the broker."""
    work = Work()
    subscriptions = [
        await broker.client.subscribe(f"$JS.API.{what}.{CHAT_STREAM}", cb=work.on_request)
        for what in ("DIRECT.GET", "STREAM.MSG.GET", "STREAM.INFO")
    ]
    subscriptions.append(await broker.client.subscribe("_INBOX.>", cb=work.on_reply))
    await broker.client.flush()
    yield work
    await broker.client.flush()
    for subscription in subscriptions:
        await subscription.unsubscribe()


def write(room: str, number: int, text: str = "hi") -> Write:
    event = MessageEvent(
        id=f"m{number}", room=room, user=AUTHOR, text=text, timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Write(message_subject(room, event.id), encode(event))


async def store(broker: NatsConnection, writes: list[Write]) -> None:
    """Store messages quickly, in order."""
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(*(writer.write(one) for one in writes))


async def history_of(broker: NatsConnection, room: str, **query: int) -> HistoryReply:
    payload = json.dumps({"room": room, **query}).encode()
    reply = await broker.client.request(HISTORY.subject, payload, timeout=30)
    assert not reply.headers, reply.headers
    return decode(contract_of(HistoryReply), reply.data, 1 << 20)


async def test_a_large_room_adds_no_work_to_the_history_of_another(
    rooms: None, broker: NatsConnection
) -> None:
    await store(broker, [write("ops", number) for number in range(EARLY)])
    await store(broker, [write("general", number) for number in range(OTHERS)])
    await store(broker, [write("ops", number) for number in range(EARLY, EARLY + LATE)])
    wanted = [f"m{number}" for number in range(EARLY + LATE)]
    await indexed(broker, "ops", wanted[-1])
    async with observed(broker) as work:
        latest = await history_of(broker, "ops", limit=50)
        assert [one.id for one in latest.messages] == wanted[-50:]
        assert latest.next is None
        older = await history_of(broker, "ops", limit=50, before=latest.messages[0].seq)
        assert [one.id for one in older.messages] == wanted[:-50]
        assert older.next is None
        assert sum(work.requests.values()) <= 25
        assert work.messages <= 160
    async with observed(broker) as work:
        found = await history_of(broker, "ops", limit=50, after=0)
        assert [one.id for one in found.messages] == wanted[:50]
        found = await history_of(broker, "ops", limit=50, after=found.messages[-1].seq)
        assert ([one.id for one in found.messages], found.next) == (wanted[50:], None)
        assert sum(work.requests.values()) <= 8
    async with observed(broker) as work:
        pages = await asyncio.gather(*(history_of(broker, "ops", limit=50) for _ in range(30)))
        assert all([one.id for one in page.messages] == wanted[-50:] for page in pages)
        assert sum(work.requests.values()) <= 30 * 15
        assert work.messages <= 30 * 100
    large = await history_of(broker, "general", limit=50)
    assert [one.id for one in large.messages] == [f"m{number}" for number in range(OTHERS - 50, OTHERS)]


async def test_a_page_has_a_budget_and_a_cursor(
    rooms: None, broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_READ_MAX", 30)
    for module in (history, backward_reader):
        monkeypatch.setattr(module, "BATCH", 20)
    junk = [Write(message_subject("ops", f"junk{number}"), b"junk") for number in range(100)]
    await store(broker, [write("ops", 1), *junk, write("ops", 2)])
    await indexed(broker, "ops", "m2")
    for direction, start, ids in (("before", 2**40, ["m2", "m1"]), ("after", 0, ["m1", "m2"])):
        found: list[str] = []
        pages = 0
        following: int | None = start
        while following is not None and pages < 10:
            async with observed(broker) as work:
                page = await history_of(broker, "ops", **{direction: following})
                assert work.messages <= 2 * 30 + 20
            found += [one.id for one in page.messages]
            pages, following = pages + 1, page.next
        assert (found, following) == (ids, None)
        assert pages >= 3


async def test_a_page_fits_into_a_message_and_the_next_goes_on(rooms: None, broker: NatsConnection) -> None:
    texts = ["\N{DESERET SMALL LETTER LONG I}" * 4000] * 100
    await store(broker, [write("ops", number, text) for number, text in enumerate(texts)])
    found: list[str] = []
    following: int | None = 2**40
    while following is not None:
        page = await history_of(broker, "ops", limit=200, before=following)
        assert len(page.messages) < 60
        found = [one.id for one in page.messages] + found
        following = page.next
    assert found == [f"m{number}" for number in range(100)]


async def test_too_many_pages_at_once_are_rejected(
    rooms: None, broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_WAITING_MAX", 0)
    reply = await broker.client.request(HISTORY.subject, b'{"room": "ops"}', timeout=10)
    assert (reply.headers or {})["Nats-Service-Error"] == "overloaded"
