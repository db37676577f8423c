"""Moves a portal from one broker to three and back: ``.venv/bin/python -m tests.containers.brokers``.

Needs Docker, the ``nats`` command line on PATH, and the images of the project ``opsroom-check``
(``COMPOSE_PROJECT_NAME=opsroom-check docker compose build``). Runs the commands of ``docs/operations.md`` as
they stand there, but on the volumes of that project. Before each move it tries the switch that must be
refused. Removes everything at the end.
"""

import asyncio
import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from opsroom_client import Opsroom
from tests.containers.steps import ENVIRON, LIST, ROOT, STEP_SECONDS, WEB, require, run, step, until_ready

CLUSTER = ("--env-file", "deploy/cluster.env")
_HEADING = "### From one broker to three, and back\n"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_HISTORY = f"{WEB}/api/v1/chat/rooms/general/messages"


def procedures() -> tuple[str, str]:
    """The shell scripts of the documentation: from one broker to three, and back."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition(_HEADING)[2].partition("\n### ")[0]
    _, there, back = _BLOCK.findall(section)
    return _script(there), _script(back)


def _script(block: str) -> str:
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    return "\n".join(lines).replace("opsroom_nats-data", f"{ENVIRON['COMPOSE_PROJECT_NAME']}_nats-data")


def follow(script: str, home: Path) -> None:
    """Run ``script`` in a shell that ends at the first command that fails."""
    done = subprocess.run(
        ["sh", "-euxc", script],
        cwd=ROOT,
        env=ENVIRON | {"HOME": str(home), "DOCKER_CONFIG": _docker_config()},
        text=True,
        capture_output=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    require(done.returncode == 0, f"the procedure:\n{done.stdout}\n{done.stderr}")


def _docker_config() -> str:
    return os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))


def refused(words: str, *settings: str) -> None:
    """Start as ``settings`` say, which must fail and say ``words``."""
    failed = subprocess.run(
        ["docker", "compose", *settings, "up", "-d", "--wait"],
        cwd=ROOT,
        env=ENVIRON,
        text=True,
        capture_output=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    require(failed.returncode != 0, "it started")
    logged = run("docker", "compose", *settings, "logs", "--no-log-prefix", "data")
    require(words in logged, f"{words!r} is not in: {logged}")


def data(client: httpx.Client) -> tuple[object, object]:
    """What a person sees of it: instances and messages."""
    until_ready(client)
    instances = client.get(LIST).raise_for_status().json()["instances"]
    return instances, client.get(_HISTORY).raise_for_status().json()["messages"]


def copies(client: httpx.Client) -> set[int]:
    """How many copies the streams have."""
    streams = client.get(f"{WEB}/api/v1/status").raise_for_status().json()["streams"]
    return {stream["copies"] for stream in streams}


async def make() -> None:
    """Store a message, and an instance that is done."""
    async with Opsroom(WEB) as opsroom:
        token = (await opsroom.register("Mover")).token
        async with opsroom.chat(token) as chat:
            await chat.send("still here?")
        seq = (await opsroom.cloud.instances()).seq
        await opsroom.cloud.finished(await opsroom.cloud.create(), seq)


def main() -> None:
    """All steps in order; what was started is removed whatever happens."""
    there, back = procedures()
    try:
        with TemporaryDirectory() as folder, httpx.Client(timeout=30) as client:
            home = Path(folder)
            with step("one broker, with data"):
                run("docker", "compose", "up", "-d", "--wait")
                until_ready(client)
                asyncio.run(make())
                before = data(client)
                require(all(before), f"nothing was stored: {before}")
                run("docker", "compose", "down")
            with step("three brokers are refused"):
                refused("this data is that of one broker", *CLUSTER)
            with step("one broker again, nothing lost"):
                run("docker", "compose", "up", "-d", "--wait", "--remove-orphans")
                require(data(client) == before, f"{data(client)}, not {before}")
            with step("from one broker to three, as documented"):
                follow(there, home)
                require(data(client) == before, f"{data(client)}, not {before}")
                require(copies(client) == {3}, f"copies: {copies(client)}")
            with step("one broker is refused"):
                refused("this data is that of a cluster")
            with step("three brokers again, nothing lost"):
                run("docker", "compose", *CLUSTER, "up", "-d", "--wait")
                require(data(client) == before, f"{data(client)}, not {before}")
            with step("from three brokers to one, as documented"):
                follow(back, home)
                require(data(client) == before, f"{data(client)}, not {before}")
                require(copies(client) == {1}, f"copies: {copies(client)}")
    finally:
        run("docker", "compose", *CLUSTER, "down", "-v", "--remove-orphans")


if __name__ == "__main__":
    main()
