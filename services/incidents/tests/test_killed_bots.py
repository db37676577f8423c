"""A process is killed (SIGKILL) while a bot does a command; another one goes on."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.micro.request import Request

from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until, until_answer
from services.incidents.tests.bots import running_bot, texts_of
from services.incidents.tests.harness import SECONDS, Room, process, service

ANSWER_ARRIVES, ACKNOWLEDGES = 1, 4
"""The steps: the answer of the bot, the reply, that it is stored, and the acknowledgement of the trigger."""


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of doing a bot's command, once the bot has been asked."""
    if from_process:
        return subject.startswith((b"chat.reply", b"$JS.ACK.")) and b"+WPI" not in body
    return subject.startswith(b"_INBOX.") and (b'"card"' in body or b'"duplicate"' in body)


@pytest.fixture
async def asked(broker_process: BrokerProcess) -> AsyncIterator[list[str]]:
    """The ids of the calls of a bot, which answers with a card at first, and with a text from then on."""
    ids = list[str]()

    async def answer(request: Request) -> None:
        ids.append(json.loads(request.data)["id"])
        card = {"card": {"title": "web 1.4", "status": "succeeded"}}
        await request.respond(json.dumps(card if len(ids) == 1 else {"text": "Done before."}).encode())

    async with running_bot(broker_process.url, "ship", answer):
        yield ids


@pytest.mark.parametrize("step", [ANSWER_ARRIVES, ACKNOWLEDGES])
async def test_a_bot_is_asked_again_with_the_same_id_and_there_is_one_reply(
    room: Room, broker_process: BrokerProcess, tmp_path: Path, asked: list[str], step: int
) -> None:
    proxy = StepProxy(
        int(broker_process.url.rpartition(":")[2]),
        serves=b"PUB $JS.API.CONSUMER.MSG.NEXT.CHAT.commands",
        is_step=is_step,
    )
    try:
        behind = f"nats://127.0.0.1:{await proxy.start()}"
        async with process(behind, tmp_path) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(step, killed.kill)
            said = await room.say("/deploy web", bot="ship")
            await until(proxy.reached.is_set, SECONDS)
    finally:
        await proxy.stop()
    broker = await connect(broker_process.url, name="incidents")
    try:
        async with service(broker):
            await until(lambda: len(asked) == 2, SECONDS)
            found = await until_answer(lambda: texts_of(room, "ship"), bool, SECONDS)
            assert found == (["Done before."] if step == ANSWER_ARRIVES else ["[succeeded] web 1.4"])
        # It has stopped, so it has replied to what it has asked.
        assert await texts_of(room, "ship") == found
    finally:
        await broker.close()
    assert asked == [said.id] * 2
