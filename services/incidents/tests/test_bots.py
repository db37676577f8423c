"""Commands of bots, with real bots at a broker with users."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
from nats.micro.request import Request

from opsroom_contracts import endpoints
from opsroom_contracts.incidents.bot_commands import BotCommandsReply, BotCommandsRequest
from opsroom_contracts.incidents.commands import Custom
from opsroom_incidents.bots.caller import BotCommands
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.commands.said import RefusalError, Said
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.deployment.private_files import OPERATOR, bot_user
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat
from services.chat.tests.harness import service as chat_service
from services.incidents.tests.bots import Answer, running_bot, texts_of
from services.incidents.tests.harness import SECONDS, Room, service


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[GuardedBroker]:
    """A broker with users, two of them bots."""
    process = GuardedBroker(tmp_path, bots=("ship", "other"))
    await process.start()
    yield process
    await process.stop()


@asynccontextmanager
async def connected(guarded: GuardedBroker, user: str) -> AsyncIterator[NatsConnection]:
    """A connection as ``user``."""
    broker = await connect(guarded.url, name=user, credentials=guarded.access(user))
    try:
        yield broker
    finally:
        await broker.close()


@pytest.fixture
async def guarded_room(guarded: GuardedBroker) -> AsyncIterator[Room]:
    """A room of a portal whose broker has users."""
    async with (
        connected(guarded, OPERATOR) as operator,
        connected(guarded, "chat") as chat,
        connected(guarded, "incidents") as incidents,
        chat_service(chat),
        service(incidents, bot_seconds=SECONDS),
    ):
        people = Chat(operator)
        await people.lease("g1")
        ann = await people.present("Ann")
        yield Room(operator, ann.user.id, ann.user.name)


def bot(guarded: GuardedBroker, name: str, answer: Answer) -> AbstractAsyncContextManager[None]:
    """Run a bot as its user."""
    return running_bot(guarded.url, name, answer, guarded.access(bot_user(name)))


async def offered(room: Room, *bots: str) -> None:
    """Wait until these bots are those that offer commands."""

    async def ask() -> BotCommandsReply:
        return await room.chat.requester.request(endpoints.BOT_COMMANDS, BotCommandsRequest())

    await until_answer(ask, lambda found: tuple(one.bot for one in found.commands) == bots, SECONDS)


async def said(room: Room, text: str) -> list[str]:
    """Say a command of the bot ``ship``; return what the bot has said by now, once it has replied."""
    before = len(await texts_of(room, "ship"))
    await room.say(text, bot="ship")
    return await until_answer(lambda: texts_of(room, "ship"), lambda found: len(found) > before, SECONDS)


async def test_a_bot_is_found_and_answers_in_its_name(guarded: GuardedBroker, guarded_room: Room) -> None:
    calls = list[dict[str, object]]()

    async def answer(request: Request) -> None:
        calls.append(json.loads(request.data))
        await request.respond(json.dumps({"text": "Deployed **web**."}).encode())

    async with bot(guarded, "ship", answer):
        await offered(guarded_room, "ship")
        assert await said(guarded_room, "/deploy web") == ["Deployed **web**."]
    (call,) = calls
    assert set(call) == {"version", "id", "command", "arguments", "room", "caller"}
    assert (call["command"], call["arguments"], call["room"]) == ("deploy", "web", "general")
    assert call["caller"] == {
        "name": "Ann",
        "identity": guarded_room.caller.identity,
        "role": guarded_room.caller.role.value,
    }
    assert guarded.refusals() == []


async def test_a_bot_that_is_away_says_so_once(guarded_room: Room) -> None:
    assert await said(guarded_room, "/deploy web") == ["/deploy was not done: the bot ship is away."]


async def test_a_bot_answers_with_a_card_or_an_error(guarded: GuardedBroker, guarded_room: Room) -> None:
    async def answer(request: Request) -> None:
        match json.loads(request.data)["arguments"]:
            case "card":
                await request.respond(b'{"card": {"title": "web 1.4", "status": "succeeded"}}')
            case "error":
                await request.respond_error("400", "there is no\nservice web")
            case "huge":
                await request.respond(json.dumps({"text": "x" * 100_000}).encode())
            case "deep":
                await request.respond(b"[" * 10_000)
            case _:
                await request.respond(b'{"card": {"title": "x", "link": "javascript:alert(1)"}}')

    async with bot(guarded, "ship", answer):
        for arguments in ("card", "error", "huge", "deep", "script"):
            await said(guarded_room, f"/deploy {arguments}")
        texts = await texts_of(guarded_room, "ship")
    assert texts[:2] == ["[succeeded] web 1.4", "/deploy: there is no service web"]
    unseen = "/deploy: the bot ship has answered, but it can't be shown: "
    reasons = ("the payload has 100012 bytes, the limit is 65536", "recursion limit", "card.link: ")
    for text, reason in zip(texts[2:], reasons, strict=True):
        assert text.startswith(unseen)
        assert reason in text


async def test_a_bot_can_not_serve_or_ask_as_another(guarded: GuardedBroker) -> None:
    password = guarded.access(bot_user("other")).password_file
    assert password is not None
    other = await nats.connect(guarded.url, user=bot_user("other"), password=password.read_text().strip())
    for subject in ("bots.ship.deploy", "$SRV.INFO.ship", "$SRV.PING.chat", "chat.events.>", "_INBOX.>"):
        await other.subscribe(subject)
    for subject in ("bots.ship.deploy", "chat.send", "chat.reply", "$SRV.INFO", "$JS.API.INFO"):
        await other.publish(subject, b"{}")
    await other.flush()

    async def refused() -> int:
        return len(guarded.refusals())

    await until_answer(refused, lambda count: count >= 10, SECONDS)
    await other.close()


@pytest.mark.parametrize(
    ("again", "late", "text"),
    [
        (False, False, "/deploy was not done: the bot ship is away."),
        (True, False, "/deploy: the bot ship is away. It may have done it."),
        (False, True, "/deploy is late."),
        (
            True,
            True,
            "/deploy: its time is over, and no answer of the bot ship was stored. It may have done it.",
        ),
    ],
)
async def test_what_an_earlier_attempt_may_have_done_is_not_denied(
    room: Room, broker: NatsConnection, again: bool, late: bool, text: str
) -> None:
    def check_on_time(said: Said) -> None:
        if late:
            raise RefusalError(f"/{said.name} is late.")

    said = Said(
        message_id="ab" * 16,
        user_id=room.user_id,
        room="general",
        thread=None,
        name="deploy",
        caller=room.caller,
        at=datetime.now(UTC),
        bot="ship",
        again=again,
    )
    bots = BotCommands(broker, Posts(room.chat.requester), check_on_time, SECONDS)
    await bots.run(Custom("deploy", "web"), said, "ship")
    assert await texts_of(room, "ship") == [text]
