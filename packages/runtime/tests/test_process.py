"""Process: shutdown."""

import subprocess
import sys

IGNORES_CANCEL = """
import asyncio
from opsroom_runtime.process import run

async def stubborn(started):
    started.set()
    for _ in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def main(tracer):
    started = asyncio.Event()
    main.task = asyncio.create_task(stubborn(started))
    await started.wait()

run("test", main)
"""


def test_a_task_that_ignores_cancellations_does_not_block_the_shutdown() -> None:
    ended = subprocess.run([sys.executable, "-c", IGNORES_CANCEL], timeout=20, check=False)
    assert ended.returncode == 0
