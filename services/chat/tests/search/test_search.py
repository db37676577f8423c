"""Search over NATS: what is found, what is not, and what may never be."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsroom_chat.search.search_file import Document, SearchFile
from opsroom_chat.search.terms import Stems, author_key
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import EditRequest
from opsroom_contracts.errors import FaultError
from opsroom_contracts.search.models import MessageHit, SearchMessagesReply, SearchMessagesRequest
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, refusal, service
from services.chat.tests.moderation import Moderator
from services.chat.tests.rooms import Rooms


class Search:
    """A client that waits until the index has everything that was sent before."""

    def __init__(self, chat: Chat, user_id: str) -> None:
        self.chat = chat
        self.user_id = user_id
        self._marks = 0

    async def request(self, q: str = "", user_id: str | None = None, **more: object) -> SearchMessagesReply:
        request = SearchMessagesRequest.model_validate({"user_id": user_id, "q": q, **more})
        return await self.chat.requester.request(endpoints.SEARCH, request)

    async def caught_up(self) -> None:
        """Wait until everything that was stored before is indexed."""
        self._marks += 1
        mark = f"mark{self._marks}x{id(self)}"
        await self.chat.send(self.user_id, mark)
        await until_answer(lambda: self.request(mark + " "), lambda reply: len(reply.hits) == 1)

    async def texts(self, q: str = "", user_id: str | None = None, **more: object) -> list[str]:
        reply = await self.request(q, user_id, **more)
        return [hit.message.text for hit in reply.hits]


@pytest.fixture
async def ann(chat: Chat) -> str:
    return (await chat.register("Ann")).user.id


@pytest.fixture
async def bob(chat: Chat) -> str:
    return (await chat.register("Bob")).user.id


@pytest.fixture
async def search(chat: Chat, ann: str) -> Search:
    return Search(chat, ann)


async def test_messages_are_found_newest_first_with_highlights(chat: Chat, search: Search, ann: str) -> None:
    await chat.send(ann, "Перезапустил все серверы 👍 сервер")
    await chat.send(ann, "the server is back")
    await chat.send(ann, "ещё сервер")
    await search.caught_up()
    reply = await search.request("СЕРВЕР ")
    assert [hit.message.text for hit in reply.hits] == ["ещё сервер", "Перезапустил все серверы 👍 сервер"]
    spans = [(one.start, one.end) for one in reply.hits[1].highlights]
    assert [reply.hits[1].message.text[start:end] for start, end in spans] == ["серверы", "сервер"]
    assert (reply.next, reply.complete) == (None, True)
    assert await search.texts("serv") == ["the server is back"]


async def test_pages_follow_one_another(chat: Chat, search: Search, ann: str) -> None:
    for number in range(25):
        await chat.send(ann, f"page {number}")
    await search.caught_up()
    found: list[str] = []
    reply = await search.request("page ", limit=10)
    while True:
        found += [hit.message.text for hit in reply.hits]
        if reply.next is None:
            break
        reply = await search.request("page ", limit=10, position=reply.next, epoch=reply.epoch)
    assert found == [f"page {number}" for number in reversed(range(25))]
    fault = await refusal(search.request("page ", position=5, epoch="another"))
    assert (fault.code, fault.field) == ("invalid_request", "position")


async def test_filters_narrow_what_is_found(chat: Chat, search: Search, ann: str, bob: str) -> None:
    await chat.send(ann, "release see https://example.org/")
    await chat.send(bob, "release")
    await search.caught_up()
    assert await search.texts("release from:ann ") == ["release see https://example.org/"]
    assert await search.texts("release ", author=bob) == ["release"]
    assert await search.texts("release has:link ") == ["release see https://example.org/"]
    in_general = await search.texts("release in:general ", room="general")
    assert in_general == ["release", "release see https://example.org/"]
    now = datetime.now(UTC)
    assert len(await search.texts("release ", before=now + timedelta(hours=1))) == 2
    assert await search.texts("release ", before=now - timedelta(hours=1)) == []
    assert await search.texts("release ", after=now + timedelta(hours=1)) == []
    assert await search.texts("from:bob ") == ["release"]


@pytest.mark.parametrize(
    ("q", "code", "field"),
    [
        ("", "invalid_request", "q"),
        (" ?! ", "invalid_request", "q"),
        ("x before:soon", "invalid_request", "before"),
        ("x has:cake", "invalid_request", "has"),
        ("x in:nowhere", "room_unknown", "in"),
    ],
)
async def test_errors_name_the_field(search: Search, q: str, code: str, field: str) -> None:
    fault = await refusal(search.request(q))
    assert (fault.code, fault.field) == (code, field)


async def test_removed_messages_are_not_found(
    chat: Chat, search: Search, ann: str, moderator: Moderator
) -> None:
    sent = await chat.send(ann, "regrettable words")
    await search.caught_up()
    assert await search.texts("regrettable ") == ["regrettable words"]
    await moderator.remove(sent.id)
    assert await search.texts("regrettable ") == [], "at once, whatever the index has"
    await search.caught_up()
    assert await search.texts("regrettable ") == []


async def test_edited_messages_are_found_by_their_text_of_today(chat: Chat, search: Search, ann: str) -> None:
    sent = await chat.send(ann, "marzipan")
    await chat.send(ann, "marzipan and later")
    await search.caught_up()
    edit = EditRequest(user_id=ann, room="general", id=sent.id, client_id="edit", text="nougat")
    await chat.requester.request(endpoints.EDIT, edit)
    assert await search.texts("marzipan ") == ["marzipan and later"], "at once, whatever the index has"
    await search.caught_up()
    assert await search.texts("nougat ") == ["nougat"]
    [hit] = (await search.request("nougat ")).hits
    assert (hit.message.seq, hit.message.edited_at is not None) == (sent.seq, True), "at its place"
    await chat.send(ann, "nougat again")
    await search.caught_up()
    assert await search.texts("nougat ") == ["nougat again", "nougat"]


async def test_a_private_room_is_searched_by_its_members_only(
    chat: Chat, search: Search, ann: str, bob: str
) -> None:
    rooms = Rooms(chat.requester)
    room = await rooms.create(ann, "Salaries", private=True)
    open_room = await rooms.create(ann, "Lobby")
    await chat.send(ann, "cinnamon raise", room=room.id)
    await chat.send(ann, "cinnamon lobby", room=open_room.id)
    await search.caught_up()
    everything = ["cinnamon lobby", "cinnamon raise"]
    assert await search.texts("cinnamon ", ann) == everything
    for reader in (bob, None, "nobody"):
        assert await search.texts("cinnamon ", reader) == ["cinnamon lobby"]
        assert await search.texts("raise ", reader) == []
        assert await search.texts("from:ann cinnamon ", reader) == ["cinnamon lobby"]
        reply = await search.request("cinnamon raise ", reader)
        assert (reply.hits, reply.next) == ((), None)
        guesses = [
            await refusal(search.request(f"cinnamon in:{guess}", reader)) for guess in (room.id, "Salaries")
        ]
        absent = await refusal(search.request("cinnamon in:r-nothing", reader))
        for guess, fault in zip((room.id, "Salaries"), guesses, strict=True):
            assert (fault.code, fault.field) == (absent.code, absent.field) == ("room_unknown", "in")
            assert fault.message.replace(guess, "") == absent.message.replace("r-nothing", "")
    assert await search.texts("cinnamon in:salaries ", ann) == ["cinnamon raise"]
    assert await search.texts("cinnamon in:lobby ", bob) == ["cinnamon lobby"]


async def test_a_removed_member_finds_nothing_more(chat: Chat, search: Search, ann: str, bob: str) -> None:
    rooms = Rooms(chat.requester)
    room = await rooms.create(ann, "Plans", private=True)
    await rooms.invite(ann, room.id, bob)
    await chat.send(ann, "rhubarb", room=room.id)
    await search.caught_up()
    assert await search.texts("rhubarb ", bob) == ["rhubarb"]
    await rooms.expel(ann, room.id, bob)
    assert await search.texts("rhubarb ", bob) == []
    assert (await refusal(search.request("rhubarb in:plans", bob))).code == "room_unknown"
    assert await search.texts("rhubarb ", ann) == ["rhubarb"]
    await rooms.invite(ann, room.id, bob)
    assert await search.texts("rhubarb ", bob) == ["rhubarb"], "the whole history, as everywhere"


async def test_another_process_knows_a_removal_at_once(
    chat: Chat, search: Search, ann: str, bob: str, broker_process: BrokerProcess
) -> None:
    rooms = Rooms(chat.requester)
    async with another(broker_process.url):
        room = await rooms.create(ann, "Plans", private=True)
        await chat.send(ann, "quince", room=room.id)
        for _ in range(5):
            await rooms.invite(ann, room.id, bob)
            await until_answer(lambda: search.texts("quince ", bob), lambda found: found == ["quince"])
            await rooms.expel(ann, room.id, bob)
            replies = await asyncio.gather(*(search.texts("quince ", bob) for _ in range(8)))
            assert replies == [[]] * 8, "whichever process replied"


async def test_the_index_goes_on_where_it_was_and_is_rebuilt_without_its_file(
    broker: NatsConnection, tmp_path: Path
) -> None:
    async with service(broker, index_dir=tmp_path):
        chat = Chat(broker)
        ann = (await chat.register("Ann")).user.id
        await chat.send(ann, "first vanilla")
        await Search(chat, ann).caught_up()
    async with service(broker, index_dir=tmp_path):
        await chat.send(ann, "second vanilla")
        await Search(chat, ann).caught_up()
        assert await Search(chat, ann).texts("vanilla ") == ["second vanilla", "first vanilla"]
    _break_files(tmp_path)
    async with service(broker, index_dir=tmp_path):
        await Search(chat, ann).caught_up()
        assert await Search(chat, ann).texts("vanilla ") == ["second vanilla", "first vanilla"]


def _break_files(folder: Path) -> None:
    for file in folder.glob("search-*.sqlite*"):
        file.write_bytes(b"broken" * 1000)


HOSTILE = [
    '"', '""', "NEAR(a b, 3)", "a*b*c*", "text:*", "words:a", "{words}:a", "a AND b OR NOT c", "^a", "a - b",
    "((((((", "a'; DROP TABLE texts; --", "¤p", "¤r1", "\x00", "%", "_", "\\",
    "*" * 200, '"a' * 80, "in:" * 60,
]  # fmt: skip


@pytest.mark.parametrize("q", HOSTILE)
async def test_no_text_of_a_query_breaks_or_slows_the_search(search: Search, q: str) -> None:
    codes: list[str] = []
    try:
        assert (await search.request(q)).hits == ()
    except FaultError as error:
        codes = [error.fault.code]
    assert set(codes) <= {"invalid_request", "room_unknown"}


async def test_ten_thousand_words_are_refused_by_the_contract(chat: Chat) -> None:
    payload = b'{"q":"' + b"a " * 10_000 + b'"}'
    reply = await chat.broker.client.request(endpoints.SEARCH.subject, payload, timeout=5)
    assert b"invalid_request" in reply.data


def _lie(folder: Path, hits: Sequence[MessageHit], words: str, epoch: str | None = None) -> None:
    """Put messages into the index with other words, and as if everybody could read their room."""
    file = SearchFile.open(folder)
    assert file.saved is not None
    documents = [
        Document(
            place=hit.message.seq,
            seq=hit.message.seq,
            room="general",
            is_public=True,
            author=(hit.message.user.id, author_key(hit.message.user.name)),
            sent=hit.message.timestamp,
            words=Stems().text(words),
        )
        for hit in hits
    ]
    file.write(documents, file.saved.model_copy(update={"epoch": epoch or file.saved.epoch}))
    file.close()


async def test_an_index_that_is_wrong_shows_nothing_that_it_must_not(
    broker: NatsConnection, tmp_path: Path
) -> None:
    async with service(broker, index_dir=tmp_path):
        chat = Chat(broker)
        ann, eve = [(await chat.register(name)).user.id for name in ("Ann", "Eve")]
        room = await Rooms(chat.requester).create(ann, "Salaries", private=True)
        await chat.send(ann, "tamarind secret", room=room.id)
        await Search(chat, ann).caught_up()
        hits = (await Search(chat, ann).request("tamarind ", ann)).hits
    _lie(tmp_path, hits, "tamarind secret decoy")
    async with service(broker, index_dir=tmp_path):
        search = Search(chat, ann)
        for q in ("tamarind ", "secret in:general ", "from:ann tamarind ", "decoy "):
            assert await search.texts(q, eve) == [], "the room is checked when the message is read"
        assert await search.texts("tamarind ", ann) == ["tamarind secret"]
        assert await search.texts("decoy ", ann) == [], "and so is the text"


async def test_an_index_of_another_stream_is_built_again(broker: NatsConnection, tmp_path: Path) -> None:
    async with service(broker, index_dir=tmp_path):
        chat = Chat(broker)
        ann = (await chat.register("Ann")).user.id
        await chat.send(ann, "one lychee")
        await Search(chat, ann).caught_up()
        hits = (await Search(chat, ann).request("lychee ")).hits
    _lie(tmp_path, hits, "decoy", epoch="another")
    async with service(broker, index_dir=tmp_path):
        search = Search(chat, ann)
        await until_answer(lambda: search.request("lychee "), lambda reply: reply.complete)
        assert await search.texts("lychee ") == ["one lychee"]
