"""Messages of one request are stored in their order, also with retries, two processes and crashes."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SEND_BATCH_MAX, SendBatchRequest, SendReply, SendRequest, SendResult
from opsroom_contracts.legacy import LegacyFrame
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from services.chat.tests.harness import Chat, ChatProcess, another, process


def message(user_id: str, text: str, **more: object) -> SendRequest:
    fields = {"user_id": user_id, "client_id": f"id of {text}", "room": "general", "text": text, **more}
    return SendRequest.model_validate(fields, by_name=True)


async def send(chat: Chat, requests: Iterable[SendRequest]) -> tuple[SendResult, ...]:
    request = SendBatchRequest(messages=tuple(requests))
    return (await chat.requester.request(endpoints.SEND_BATCH, request)).results


def replies(results: Sequence[SendResult]) -> list[SendReply]:
    assert all(result.reply is not None for result in results), results
    return [result.reply for result in results if result.reply is not None]


async def test_a_batch_is_stored_in_one_piece(chat: Chat) -> None:
    ann = await chat.present("Ann")
    texts = [f"line {n}" for n in range(SEND_BATCH_MAX)]
    results = replies(await send(chat, (message(ann.user.id, text) for text in texts)))
    first = results[0].seq
    assert [reply.seq for reply in results] == list(range(first, first + SEND_BATCH_MAX))
    assert [one.text for one in await chat.everything()] == texts


async def test_a_refusal_leaves_the_others_in_their_order(chat: Chat) -> None:
    ann = await chat.present("Ann")
    results = await send(
        chat,
        [
            message(ann.user.id, "one"),
            message(ann.user.id, "   "),
            message(ann.user.id, "two"),
            message(ann.user.id, "elsewhere", room="nowhere"),
            message("nobody", "a foreign one"),
            message(ann.user.id, "three"),
        ],
    )
    codes = [None if result.fault is None else result.fault.code for result in results]
    assert codes == [None, "invalid_request", None, "room_unknown", "user_unknown", None]
    assert [one.text for one in await chat.everything()] == ["one", "two", "three"]


async def test_repeated_ids_are_stored_once(chat: Chat) -> None:
    ann = await chat.present("Ann")
    (early,) = replies(await send(chat, [message(ann.user.id, "early")]))
    again = message(ann.user.id, "late").model_copy(update={"client_id": "id of b"})
    batch = [message(ann.user.id, "a"), message(ann.user.id, "early"), message(ann.user.id, "b"), again]
    results = replies(await send(chat, batch))
    assert [reply.duplicate for reply in results] == [False, True, False, True]
    assert results[1].seq == early.seq
    assert results[2].seq == results[3].seq
    assert [one.text for one in await chat.everything()] == ["early", "a", "b"]


async def test_frames_of_a_course_user_who_has_left_come_from_a_guest(chat: Chat) -> None:
    raw = LegacyFrame(data='{"type":"send"}')
    gone = [message("gone", f"course {n}", raw=raw, guest_name="Gone") for n in range(3)]
    replies(await send(chat, gone))
    stored = await chat.everything()
    assert [(one.text, one.user.id, one.user.name) for one in stored] == [
        (f"course {n}", "guest", "Gone") for n in range(3)
    ]


class Lane:
    """One sender. It sends its messages in batches, each once or several times at once, in its order."""

    def __init__(self, chat: Chat, user_id: str, name: str, seed: int, count: int) -> None:
        self._chat = chat
        self._random = random.Random(seed)
        self.texts = [f"{name} {n}" for n in range(count)]
        self._requests = [message(user_id, text) for text in self.texts]
        self.sent = 0

    async def run(self) -> None:
        while self.sent < len(self._requests):
            # A retry may begin with messages that are stored already, as after a reconnect.
            start = max(0, self.sent - self._random.choice((0, 0, 1, 5)))
            end = min(len(self._requests), start + self._random.choice((1, 2, 3, 9, 30, SEND_BATCH_MAX)))
            attempts = self._random.choice((1, 1, 2, 3))
            batch = self._requests[start:end]
            for results in await asyncio.gather(*(send(self._chat, batch) for _ in range(attempts))):
                replies(results)
            self.sent = max(self.sent, end)

    def check(self, stored: Sequence[str]) -> None:
        mine = set(self.texts)
        assert [text for text in stored if text in mine] == self.texts


async def lanes(chat: Chat, seed: int, count: int) -> list[Lane]:
    users = [await chat.present(f"Person {n}", f"c{n}") for n in range(4)]
    return [
        Lane(chat, one.user.id, f"{one.user.name} says", seed * 10 + n, count) for n, one in enumerate(users)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_order_holds_with_two_processes_and_retries(
    chat: Chat, broker_process: BrokerProcess, seed: int
) -> None:
    async with another(broker_process.url):
        senders = await lanes(chat, seed, 150)
        await asyncio.gather(*(one.run() for one in senders))
        stored = [one.text for one in await chat.everything()]
    for one in senders:
        one.check(stored)


async def test_the_order_holds_while_processes_are_killed(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=40)
    async with process(broker_process.url, chat.requester, tmp_path / "one") as killed:
        async with process(broker_process.url, chat.requester, tmp_path / "two") as other:
            await chat.lease("g1")
            senders = await lanes(chat, 7, 400)

            async def crash_at(progress: int, target: ChatProcess) -> None:
                await until(lambda: sum(lane.sent for lane in senders) > progress, 60)
                await target.kill()
                await target.start(chat.requester)

            async def crashes() -> None:
                for progress, target in ((300, killed), (700, other), (1100, killed)):
                    await crash_at(progress, target)

            async with asyncio.TaskGroup() as group:
                for lane in senders:
                    group.create_task(lane.run())
                group.create_task(crashes())
            stored = [one.text for one in await chat.everything()]
    for one in senders:
        one.check(stored)
