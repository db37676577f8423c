"""A process that takes alerts is killed (SIGKILL) between any two steps; the sender repeats the request."""

import asyncio
from pathlib import Path

import pytest

from opsroom_contracts.incidents.cards import CardStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until
from services.chat.tests.harness import service as chat_service
from services.incidents.tests.harness import SECONDS, process
from services.incidents.tests.hooks import Hooks

STEPS = 12
"""The request, the reads of the secret, the hook and the record, the write of the record and its
acknowledgement, the request to the chat, its reply, and the answer."""
LEAST = 3
_SENT = (b"incidents.", b"chat.card", b"$JS.API.STREAM.MSG.GET.INCIDENTS", b"_INBOX.")


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of taking an alert."""
    if from_process:
        return subject.startswith(_SENT)
    return subject == b"incidents.alert" or (
        subject.startswith(b"_INBOX.") and any(one in body for one in (b'"seq"', b'"message":'))
    )


async def killed_at(step: int, hooks: Hooks, secret: str, url: str, folder: Path) -> bool:
    """Report something to a process that is killed at this step. Returns whether it got so far."""
    proxy = StepProxy(int(url.rpartition(":")[2]), serves=b"SUB incidents.alert ", is_step=is_step)
    behind = f"nats://127.0.0.1:{await proxy.start()}"
    down = {"title": f"Backup {step} failed", "key": f"k{step}", "status": "down"}
    reached = asyncio.create_task(proxy.reached.wait())
    try:
        async with process(behind, folder) as killed:
            await until(proxy.serves.is_set, SECONDS)
            proxy.stop_at(step, killed.kill)
            posted = asyncio.create_task(hooks.post(secret, down, delivery=f"down {step}"))
            await asyncio.wait({posted, reached}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reached.cancel()
        await proxy.stop()
    async with process(url, folder):
        await posted
        await hooks.post(secret, down, delivery=f"down {step}")  # as if the answer had been lost
        up = {**down, "title": f"Backup {step} done", "status": "up"}
        await hooks.post(secret, up, delivery=f"up {step}")
        await hooks.post(secret, down, delivery=f"down {step}")  # a late retry
    return proxy.reached.is_set()


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.timeout(400)
async def test_each_alert_is_one_card_that_tells_the_truth(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, first: int
) -> None:
    steps = range(first, STEPS + 1, 2)
    async with chat_service(broker):
        hooks = Hooks(broker, patience=SECONDS)
        async with process(broker_process.url, tmp_path):
            secret = (await hooks.create()).secret
        killed = 0
        for step in steps:
            killed += await killed_at(step, hooks, secret, broker_process.url, tmp_path)
        shown = [(one.title, one.status) for one in await hooks.cards()]
    assert sorted(shown) == sorted((f"Backup {n} done", CardStatus.RESOLVED) for n in steps)
    assert killed >= LEAST, "an alert has become so short that no process is killed in its middle"
