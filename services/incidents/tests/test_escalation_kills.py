"""Processes are killed (SIGKILL), one after another, while an alert goes from one step to the next."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.forks import Forks, forks
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until
from services.chat.tests.harness import Chat
from services.chat.tests.harness import service as chat_service
from services.incidents.tests.harness import ACK_SECONDS, SECONDS, Room, service
from services.incidents.tests.hooks import Hooks
from services.incidents.tests.on_call import Rotas
from services.incidents.tests.test_escalations import DOWN, Duty

ENVIRON = {
    "INCIDENTS_ESCALATION_MINUTE_SECONDS": "0.3",
    "INCIDENTS_COMMAND_ACK_SECONDS": str(ACK_SECONDS),
    "LOG_LEVEL": "INFO",
}
LEAST = 6
_SENT = (
    b"incidents.cards.",
    b"incidents.escalations.",
    b"incidents.timers.",
    b"chat.card",
    b"chat.reply",
    b"chat.room-access",
    b"$JS.ACK.INCIDENTS.escalations.",
)


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of an alert that begins or goes further."""
    if from_process:
        return subject.startswith(_SENT)
    return subject.startswith(b"_INBOX.") and b'"seq"' in body and b'"config"' not in body


async def killed_at(
    step: int, work: Callable[[], Coroutine[Any, Any, object]], url: str, made: Forks
) -> bool:
    """Run a process that is killed at this step. Returns whether ``work`` was done before."""
    proxy = StepProxy(int(url.rpartition(":")[2]), serves=b"SUB incidents.alert ", is_step=is_step)
    behind = f"nats://127.0.0.1:{await proxy.start()}"
    reached = asyncio.create_task(proxy.reached.wait())
    try:
        async with made.service("incidents", NATS_URL=behind, **ENVIRON) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(step, killed.kill)
            doing = asyncio.create_task(work())
            await asyncio.wait({doing, reached}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                await doing
                return True
            doing.cancel()
            await asyncio.wait({doing})
            return False
    finally:
        reached.cancel()
        await proxy.stop()


@pytest.mark.timeout(300)
async def test_each_person_is_called_once(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    async with chat_service(broker):
        chat, hooks, rotas = Chat(broker), Hooks(broker), Rotas(broker)
        await chat.lease("g1")
        people = [(await chat.present(name)).user.id for name in ("Ann", "Bob")]
        async with service(broker):
            secret = (await hooks.create()).secret
            await rotas.put(*people, minutes=1)
        duty = Duty(Room(broker, people[0], "Ann"), hooks, rotas, secret, (people[0], people[1]))

        async def all_of_it() -> object:
            await hooks.post(secret, DOWN, delivery="down")  # as a sender that has got no answer
            return await duty.until_over()

        killed = 0
        async with forks(tmp_path, "incidents") as made:
            while not await killed_at(killed + 1, all_of_it, broker_process.url, made):
                killed += 1
        (record,) = await duty.records()
        calls = await duty.calls()
        assert len(await hooks.cards()) == 1
    assert [one.mentions and one.mentions.users for one in calls] == [(one,) for one in people]
    assert (record.steps, record.mentioned) == (2, tuple(people))
    assert killed >= LEAST, "an escalation has become so short that no process is killed in its middle"
