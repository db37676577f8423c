"""A process that does commands is killed (SIGKILL) between any two steps; another one goes on."""

from pathlib import Path

import pytest

from opsroom_contracts.cloud.commands import EventType
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until
from services.cloud.tests.harness import each_once
from services.incidents.tests.harness import SECONDS, Room, process

STEPS = 14
"""The trigger, the message, plan, request, results, reply and acknowledgement; most there and back."""
LEAST = 5
"""Of these, how often a process died before it was done."""
_SENT = (b"incidents.", b"cloud.", b"chat.reply", b"chat.card", b"$JS.ACK.", b"$JS.API.STREAM.MSG.GET.CHAT")
_ANSWERS = (b'"operation"', b'"seq"', b'"message":')


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of doing a command."""
    if from_process:
        return subject.startswith(_SENT)
    return subject.startswith(b"chat.commands.") or (
        subject.startswith(b"_INBOX.") and any(one in body for one in _ANSWERS)
    )


async def killed_at(step: int, room: Room, url: str, folder: Path, text: str) -> bool:
    """Say ``text`` to a process that is killed at this step. Returns whether it got so far."""
    proxy = StepProxy(
        int(url.rpartition(":")[2]), serves=b"PUB $JS.API.CONSUMER.MSG.NEXT.CHAT.commands", is_step=is_step
    )
    behind = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with process(behind, folder) as killed:
            await until(proxy.serves.is_set, SECONDS)
            before = len(await room.replies())
            proxy.stop_at(step, killed.kill)
            await room.say(text)
            await room.until(lambda replies: proxy.reached.is_set() or len(replies) > before)
            return proxy.reached.is_set()
    finally:
        await proxy.stop()


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.timeout(400)
async def test_a_command_is_done_once_and_replied_to_once(
    room: Room, broker_process: BrokerProcess, tmp_path: Path, first: int
) -> None:
    said, killed = 0, 0
    for step in range(first, STEPS + 1, 2):
        said += 1
        killed += await killed_at(
            step, room, broker_process.url, tmp_path, f"/create as s-{step} label:n=one"
        )
        async with process(broker_process.url, tmp_path):
            await room.until_replies(said)
    assert sorted(await room.servers()) == sorted(f"s-{step}" for step in range(first, STEPS + 1, 2))
    kept = await room.cloud.all_finished(said)
    each_once(kept)
    assert sum(one.event.type is EventType.RECEIVED for one in kept) == said
    assert len(await room.replies()) == said
    assert killed >= LEAST, "a command has become so short that it is not killed in its middle"
