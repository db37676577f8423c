"""One of two chat processes is killed (SIGKILL) between any two steps of storing messages."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from opsroom_contracts.chat.models import SendReply
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.harness import Chat, process
from services.chat.tests.log.steps import chat_proxy

SENDS = 8
"""At once, to either process. The one that is killed stores some singly, and some in one batch."""
STEPS = 12
"""The request, the write, its acknowledgement, the delivery to the index, the reply: at least two of each."""
SECONDS = 120.0


class Retries:
    """A user whose sends are repeated until they are acknowledged, and again later."""

    def __init__(self, chat: Chat, user: str) -> None:
        self._chat = chat
        self._user = user
        self.acknowledged: dict[str, SendReply] = {}

    async def send(self, texts: list[str]) -> None:
        for reply, text in zip(await asyncio.gather(*map(self._send, texts)), texts, strict=True):
            first = self.acknowledged.setdefault(text, reply)
            assert (reply.seq, reply.id, reply.timestamp) == (first.seq, first.id, first.timestamp)

    async def _send(self, text: str) -> SendReply:
        return await self._chat.send(self._user, text)

    async def check(self) -> None:
        """Check that each message is stored once, and as acknowledged."""
        stored = await self._chat.everything()
        assert {one.text: one.seq for one in stored} == {
            text: reply.seq for text, reply in self.acknowledged.items()
        }
        assert len(stored) == len(self.acknowledged)


async def kill_at(step: int, broker: BrokerProcess, chat: Chat, index: Path, sends: Retries) -> None:
    """Start a process, and kill it at this step while messages are sent."""
    proxy = chat_proxy(broker)
    url = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with process(url, chat.requester, index) as killed, asyncio.timeout(SECONDS):
            await proxy.serves.wait()
            proxy.stop_at(step, killed.kill)
            burst = 0
            while not proxy.reached.is_set():
                texts = [f"{step}-{burst}-{number}" for number in range(SENDS)]
                await sends.send(texts)
                burst += 1
            await sends.send(texts)
    finally:
        await proxy.stop()


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.timeout(400)
async def test_a_process_killed_at_any_step_stores_each_message_once(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, first: int
) -> None:
    chat, random = Chat(broker, patience=SECONDS), Random(first)
    async with process(broker_process.url, chat.requester, tmp_path / "other"):
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sends = Retries(chat, ann.user.id)
        for step in range(first, STEPS + 1, 2):
            index = tmp_path / "index" if random.random() < 0.7 else tmp_path / f"new-{step}"
            await kill_at(step, broker_process, chat, index, sends)
            await chat.lease("g1")
            await sends.send(random.choices(sorted(sends.acknowledged), k=SENDS))  # from long ago
        async with process(broker_process.url, chat.requester, tmp_path / "index"):
            await sends.send(sorted(sends.acknowledged))
        await sends.check()
