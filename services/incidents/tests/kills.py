"""Kills (SIGKILL) of a process that does commands, between any two steps of one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from opsroom_contracts.subjects import CHAT_STREAM, COMMAND_WORKERS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.forks import ForkedProcess, Forks
from opsroom_testkit.step_proxy import StepProxy
from opsroom_testkit.waiting import until, until_answer
from services.incidents.tests.harness import SECONDS, Room

STEPS_MAX: Final = 20
"""More than a command has. What the process does beside it may count, too."""
_ACK_SECONDS: Final = 0.2
_SENT = (b"incidents.", b"cloud.", b"chat.reply", b"chat.card", b"$JS.ACK.", b"$JS.API.STREAM.MSG.GET.CHAT")
_ANSWERS = (b'"operation"', b'"seq"', b'"message":')


@dataclass(frozen=True, slots=True)
class Turn:
    """``say`` says a command, and ``replies`` returns what the portal has replied, also to earlier ones."""

    say: Callable[[], Awaitable[object]]
    replies: Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class _Victim:
    """A process that does commands, until it is killed at the step that its proxy is given."""

    process: ForkedProcess
    proxy: StepProxy


def _is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is part of doing a command."""
    if from_process:
        return subject.startswith(_SENT)
    return subject.startswith(b"chat.commands.") or (
        subject.startswith(b"_INBOX.") and any(one in body for one in _ANSWERS)
    )


async def texts_of(room: Room) -> list[str]:
    """Return the texts of all replies in the room."""
    return [one.text for one in await room.replies()]


@asynccontextmanager
async def killed_at_each_step(
    forks: Forks, broker: NatsConnection, url: str, prepare: Callable[[int], Awaitable[Turn]]
) -> AsyncIterator[int]:
    """Say a command again and again; kill the process that does it at the first step, then at the second, …

    The process that is started then goes on, and prepares the next turn before it is killed itself. Each
    command must have one reply. Yields how many processes were killed, while the last one still runs.
    """
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(_victim(forks, url))
        killed = 0
        while killed < STEPS_MAX:
            turn = await prepare(killed + 1)
            before = len(await turn.replies())
            victim.proxy.stop_at(killed + 1, victim.process.kill)
            await turn.say()
            is_done = partial(_is_done, turn, before, broker)
            await _until(victim.proxy.reached.is_set, is_done)
            has_survived = victim.proxy.release()
            if not has_survived:
                await until(victim.proxy.reached.is_set, SECONDS)
                victim = await stack.enter_async_context(_victim(forks, url))
                killed += 1
            await until_answer(is_done, bool, SECONDS)
            assert len(await turn.replies()) == before + 1, f"after {killed} kills"
            if has_survived:
                break
        yield killed


async def _is_done(turn: Turn, before: int, broker: NatsConnection) -> bool:
    """Whether the command of a turn has a reply and is acknowledged."""
    if len(await turn.replies()) <= before:
        return False
    info = await broker.jetstream.consumer_info(CHAT_STREAM, COMMAND_WORKERS)
    return not info.num_pending and not info.num_ack_pending


async def _until(is_killed: Callable[[], bool], is_done: Callable[[], Awaitable[bool]]) -> None:
    async def ask() -> bool:
        return is_killed() or await is_done()

    await until_answer(ask, bool, SECONDS)


@asynccontextmanager
async def _victim(forks: Forks, url: str) -> AsyncIterator[_Victim]:
    proxy = StepProxy(
        int(url.rpartition(":")[2]), serves=b"PUB $JS.API.CONSUMER.MSG.NEXT.CHAT.commands", is_step=_is_step
    )
    behind = f"nats://127.0.0.1:{await proxy.start()}"
    environ = {"NATS_URL": behind, "INCIDENTS_COMMAND_ACK_SECONDS": str(_ACK_SECONDS), "LOG_LEVEL": "INFO"}
    try:
        async with forks.service("incidents", **environ) as process:
            await until(proxy.serves.is_set, SECONDS)
            yield _Victim(process, proxy)
    finally:
        await proxy.stop()
