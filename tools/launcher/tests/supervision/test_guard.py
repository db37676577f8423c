"""Guard: when the launcher ends in any way, its children end too."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

import pytest

from opsroom_launcher.supervision.guard import Guard
from opsroom_testkit.waiting import until
from tools.launcher.tests.processes import Notes, is_running

LAUNCHER = """
import asyncio, sys
from pathlib import Path
from opsroom_launcher.supervision.child import Child
from opsroom_launcher.supervision.guard import Guard
from tools.launcher.tests.processes import Notes

async def main():
    notes = Notes(Path(sys.argv[1]))
    async with Guard() as guard:
        easy = await Child.start(notes.spec("easy", "note('easy'); time.sleep(60)"), guard.group, print)
        deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('deaf'); time.sleep(60)"
        await Child.start(notes.spec("deaf", deaf), guard.group, print)
        await easy.ended()

asyncio.run(main())
"""


async def start_launcher(notes: Notes) -> Process:
    root = Path(__file__).parents[4]
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LAUNCHER, notes.path, cwd=root, stdin=DEVNULL
    )
    await until(lambda: set(notes.words()) == {"easy", "deaf"})
    return launcher


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_children_end_with_the_launcher(notes: Notes, number: signal.Signals) -> None:
    launcher = await start_launcher(notes)
    children = notes.pids("easy") + notes.pids("deaf")
    groups = {os.getpgid(pid) for pid in children}
    launcher.send_signal(number)
    await asyncio.wait_for(launcher.wait(), 10)
    await until(lambda: not any(is_running(pid) for pid in [*children, *groups]))


async def test_leaving_kills_strays(notes: Notes) -> None:
    async with Guard() as guard:
        spec = notes.spec("stray", "note('stray'); time.sleep(60)")
        stray = await asyncio.create_subprocess_exec(*spec.argv, process_group=guard.group)
        await until(lambda: notes.words() == ["stray"])
    assert await asyncio.wait_for(stray.wait(), 10) == -signal.SIGKILL


async def test_guard_outlives_what_ends_others(guard: Guard) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guard.group, number)
    lost = asyncio.create_task(guard.lost())
    os.kill(guard.group, 0)
    child = await asyncio.create_subprocess_exec("true", process_group=guard.group)
    assert await asyncio.wait_for(child.wait(), 10) == 0
    assert not lost.done()
    guard.kill_all()
    await asyncio.wait_for(lost, 10)
