"""Evenings of incidents, one after another, while processes are killed (SIGKILL) at random moments.

Run as ``./opsroom faults --evening KILLS --seed SEED``.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsroom_contracts.cloud.commands import EventType
from opsroom_messaging.client.connection import connect
from opsroom_testkit.broker import BrokerProcess
from services.agent.tests.kit.fake_engine.engine import FakeEngine
from services.cloud.tests.harness import each_once
from tests.agents.docker_rig import Rig, rig_at
from tests.agents.evening import Evening, TokenFile, environs, judge, town
from tests.agents.processes import Processes, running

_LATEST_SECONDS = 0.6
"""A process is killed at most this long after a step has begun, or its request is answered."""
_WEIGHTS = {"chat": 6, "cloud": 6, "incidents": 8, "gateway": 4, "agent": 1}
"""How often each is killed, of all kills. The lease of a killed agent takes long to expire."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``kills``: how many processes are killed at least. ``seed``: decides which, and when."""

    kills: int
    seed: int


class _Killer:
    """Kills a process a little after each step has begun, and after its request is answered."""

    def __init__(self, rng: random.Random, processes: Processes) -> None:
        self._rng = rng
        self._processes = processes
        self._killing: asyncio.Task[None] | None = None

    async def kill(self, _step: str) -> None:
        """Kill a process soon."""
        await self.finish()
        self._killing = asyncio.create_task(self._kill())

    async def finish(self) -> None:
        """Wait until the last kill is over."""
        if self._killing is not None:
            await self._killing

    async def _kill(self) -> None:
        (name,) = self._rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        await asyncio.sleep(self._rng.uniform(0, _LATEST_SECONDS))
        await self._processes.kill(name)


Say = Callable[[str], None]


async def _live(rig: Rig, url: str, folder: Path, plan: Plan, say: Say) -> list[str]:
    """Live evenings until there were enough kills. Returns what was wrong."""
    tokens = TokenFile(folder / "tokens")
    async with running(folder, environs(rig.portal, url, tokens.file)) as processes:
        async with town(processes, tokens) as people:
            killer = _Killer(random.Random(plan.seed), processes)
            wrong: list[str] = []
            number = 0
            while processes.killed.total() < plan.kills:
                number += 1
                begun = time.monotonic()
                wrong += await _lived(Evening(people, rig.portal, f"web-{number}", killer.kill), killer)
                took = time.monotonic() - begun
                say(f"evening {number}: {took:.1f} s, {_kills(processes)} so far")
    try:
        operations = each_once(await rig.portal.cloud.kept()).values()
    except AssertionError as error:
        return [*wrong, f"an operation did not end once: {error}"]
    restarts = sum(types[-1] is EventType.RESTARTED for types in operations)
    if restarts != number:
        wrong.append(f"{restarts} restarts in {number} evenings")
    return wrong


async def _lived(evening: Evening, killer: _Killer) -> list[str]:
    """Live an evening. Returns what was wrong."""
    try:
        await evening.live()
        await killer.finish()
        await judge(evening)
    except (AssertionError, TimeoutError, ValueError, KeyError) as error:
        await killer.finish()
        return [f"{evening.name}: {type(error).__name__}: {error}"]
    return []


def _kills(processes: Processes) -> str:
    each = ", ".join(f"{name} {count}" for name, count in sorted(processes.killed.items()))
    return f"{processes.killed.total()} kills ({each})"


async def _run(folder: Path, plan: Plan, say: Say) -> list[str]:
    broker_process = BrokerProcess(folder)
    await broker_process.start()
    engine = FakeEngine(folder / "engine.sock")
    await engine.start()
    try:
        broker = await connect(broker_process.url, name="evenings")
        try:
            async with rig_at(engine.socket, broker, broker_process.url, folder) as rig:
                return await _live(rig, broker_process.url, folder, plan, say)
        finally:
            await broker.close()
    finally:
        await engine.close()
        await broker_process.stop()


def run_evenings(plan: Plan, store: Path | None, say: Say) -> int:
    """Live evenings until there were enough kills. Returns the exit code: 1 if anything was wrong.

    ``store``: a folder for all data. ``say``: takes each line about what happens.
    """
    say(f"seed {plan.seed}: evenings with {plan.kills} kills")
    with tempfile.TemporaryDirectory(
        prefix="opsroom-evenings-", dir=store, ignore_cleanup_errors=True
    ) as path:
        wrong = asyncio.run(_run(Path(path), plan, say))
    for one in wrong:
        say(f"WRONG {one}")
    say(f"{len(wrong)} evenings were wrong" if wrong else "Every evening was right.")
    return 1 if wrong else 0
