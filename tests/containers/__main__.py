"""Drives the compose file for real, step by step: ``.venv/bin/python -m tests.containers`` (needs Docker).

Builds, starts, talks in a browser, waits out a command, publishes an event over NATS, scales, kills a
process, stops and starts again with the data kept, and removes everything. Not part of the test command: it
wants a Docker engine. Uses a separate project, on ports 18080 and 14222, and leaves an existing one alone.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from typing import Any

import httpx

from tests.containers.steps import (
    ENVIRON,
    LIST,
    NAMED,
    WEB,
    a_server_lives,
    people_talk,
    require,
    run,
    step,
    until_ready,
)

# Ends the first process in a container that runs one of ours, as a crash would.
KILL = (
    "import os, signal, glob\n"
    "for path in glob.glob('/proc/[0-9]*/cmdline'):\n"
    "    pid = int(path.split('/')[2])\n"
    "    if b'-m\\0opsroom_' in open(path, 'rb').read() and pid not in (1, os.getpid()):\n"
    "        os.kill(pid, signal.SIGKILL)\n"
)


def compose(*arguments: str, given: str = "") -> str:
    """``docker compose`` on the project of the check."""
    return run("docker", "compose", *arguments, given=given)


def events(client: httpx.Client, since: int) -> Iterator[dict[str, Any]]:
    """The dashboard's events as nginx passes them on."""
    with client.stream("GET", f"{WEB}/api/v1/cloud/events?since={since}") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


def command_takes_ten_seconds(client: httpx.Client) -> None:
    """A new instance is received at once and created ten seconds later, seen at the event stream."""
    seq = client.get(LIST).json()["seq"]
    began = time.monotonic()
    operation = client.post(LIST).json()["operation"]
    seen = {}
    for event in events(client, seq):
        if event["operationId"] == operation["id"]:
            seen[event["type"]] = time.monotonic() - began
        if event["type"] == "created":
            break
    require(seen["received"] < 2, f"received after {seen['received']:.1f} s")
    require(10 <= seen["created"] < 12, f"created after {seen['created']:.1f} s")


def event_from_the_broker(client: httpx.Client, instance: str) -> None:
    """An event published over NATS inside the running portal reaches the event stream."""
    seq = client.get(LIST).json()["seq"]
    event = {
        "type": "created",
        "instanceId": instance,
        "operationId": "check",
        "command": "create",
        "state": "running",
        "actor": "check",
        "timestamp": "2026-11-24T00:00:00Z",
    }
    nats = shutil.which("nats", path=ENVIRON.get("PATH"))
    require(nats, "the nats command line is not on PATH (go install github.com/nats-io/natscli/nats@latest)")
    with NamedTemporaryFile("w", suffix=".json") as context:  # 0600 by itself
        context.write(compose("run", "--rm", "-T", "operator"))
        context.flush()
        run(str(nats), "--context", context.name, "pub", f"cloud.events.{instance}", json.dumps(event))
    require(next(events(client, seq))["instanceId"] == instance, "another event came first")


def spread(service: str) -> list[str]:
    """The ids of the running containers of ``service``."""
    return compose("ps", "-q", service).split()


def survives_kills(client: httpx.Client) -> None:
    """A process of each service is killed; the engine starts it again and the portal is ready."""
    for service in ("chat", "cloud", "gateway", "incidents"):
        container = spread(service)[0]
        before = run("docker", "inspect", "-f", "{{.RestartCount}}", container)
        subprocess.run(
            ["docker", "exec", container, "python", "-c", KILL],
            env=ENVIRON,
            capture_output=True,
            timeout=60,
            check=False,
        )
        deadline = time.monotonic() + 30
        while run("docker", "inspect", "-f", "{{.RestartCount}}", container) == before:
            require(time.monotonic() < deadline, f"{service} was not started again")
            time.sleep(0.2)
        until_ready(client)


def main() -> None:
    """All steps in order; what was started is removed whatever happens."""
    try:
        with step("build"):
            compose("build")
        with step("up --wait"):
            compose("up", "-d", "--wait")
            require(f"Opsroom is ready: {WEB}/" in compose("logs", "frontend"), "the address is not told")
        with httpx.Client(timeout=30, headers=NAMED) as client:
            with step("people talk in Chromium"):
                people_talk()
            with step("a server is created, started, stopped and removed in Chromium"):
                a_server_lives()
            with step("a command is received at once and done at 10 s"):
                command_takes_ten_seconds(client)
            with step("an event published over NATS is seen at the event stream"):
                event_from_the_broker(client, "check-1")
            with step("two of each service"):
                compose(
                    "up",
                    "-d",
                    "--wait",
                    "--no-recreate",
                    *("--scale=gateway=2", "--scale=chat=2", "--scale=cloud=2"),
                )
                require([len(spread(name)) for name in ("gateway", "chat", "cloud")] == [2, 2, 2], "scaling")
                until_ready(client)
            with step("a process of each service killed, and back"):
                survives_kills(client)
            with step("down, up, data kept"):
                before = client.get(LIST).json()["instances"]
                compose("down")
                compose("up", "-d", "--wait")
                require(
                    client.get(LIST).json()["instances"] == before and before,
                    "the instances are not the same",
                )
    finally:
        compose("down", "-v", "--remove-orphans")


if __name__ == "__main__":
    main()
