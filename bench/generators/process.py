"""Run a load generator in a separate process: the plan and the figures are JSON."""

import asyncio
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.servers.portal import stop_process

RUN_SECONDS = 180.0
"""The timeout of a generator beyond its expected duration."""

JsonObject = dict[str, Any]
"""The fields of a plan, or of the figures."""


class GeneratorError(Exception):
    """A load generator failed; its traceback is on the standard error stream."""


async def run_generator(module: str, plan: JsonObject, seconds: float = RUN_SECONDS) -> JsonObject:
    """Run ``module`` with ``plan``, and return its figures.

    Raises:
        GeneratorError: it failed, or took more than ``seconds``.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-") as folder:
        found = Path(folder) / "figures.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, json.dumps(plan), str(found)
        )
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            raise GeneratorError(f"{module} was still running after {seconds:g} s") from None
        finally:
            await stop_process(process)
        if process.returncode:
            raise GeneratorError(f"{module} ended with {process.returncode}")
        return dict(json.loads(found.read_text()))


def generator_main(work: Callable[[JsonObject], Coroutine[Any, Any, JsonObject]]) -> None:
    """The generator's main function: run ``work`` with the plan on the command line, and write its result."""
    found = asyncio.run(work(json.loads(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(found))


def own_cpu_seconds() -> float:
    """Return the user and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
