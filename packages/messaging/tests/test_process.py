"""How a process ends."""

import subprocess
import sys

LOSES_A_CANCEL = """
import asyncio
from opsroom_messaging.runtime.process import run

async def stubborn(begun):
    begun.set()
    for _ in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def main(traces):
    begun = asyncio.Event()
    main.task = asyncio.create_task(stubborn(begun))
    await begun.wait()

run("test", main)
"""


def test_a_task_that_loses_a_cancel_does_not_keep_the_process_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", LOSES_A_CANCEL], timeout=20, check=False)
    assert ended.returncode == 0
