"""The cloud process: ``python -m opsroom_cloud``."""

import os

from opsroom_cloud.program import cloud_program
from opsroom_messaging.program import run_program
from opsroom_runtime.process import run
from opsroom_runtime.spans import Tracer


async def main(tracer: Tracer) -> None:
    """Run the service until the process is asked to stop."""
    await run_program(cloud_program(os.environ), tracer)


if __name__ == "__main__":
    run("cloud", main)
