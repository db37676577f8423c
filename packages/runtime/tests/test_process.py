"""Process: shutdown and SIGHUP."""

import signal
import subprocess
import sys

import pytest

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


HANGUP = """
import asyncio, sys
from opsroom_runtime.process import on_hangup, run, until_stopped

async def main(tracer):
    if sys.argv[1] == "reloads":
        on_hangup(lambda: print("reloading", flush=True))
    print("up", flush=True)
    await until_stopped(asyncio.Event())

run("test", main)
"""


@pytest.mark.parametrize("kind", ["reloads", "ignores"])
def test_a_hangup_never_stops_a_process(kind: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGUP, kind], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        while next(lines) != "up\n":
            pass
        process.send_signal(signal.SIGHUP)
        if kind == "reloads":
            assert next(lines) == "reloading\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
