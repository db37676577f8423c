"""Drives the ``cluster`` profile for real: ``.venv/bin/python -m tests.containers.cluster`` (needs Docker).

Starts three brokers with three copies of each stream, loses any one of them in turn, and starts again with
the data kept. Removes everything at the end. The images must be built (``docker compose build``).
"""

import sys
import time
from typing import Any

import httpx

from tests.containers.steps import LIST, NAMED, WEB, require, run, step, until_ready

BROKERS = ("nats", "nats-2", "nats-3")
_ANSWER_SECONDS = 30.0


def compose(*arguments: str) -> str:
    """``docker compose`` on the project of the check, as a cluster."""
    return run("docker", "compose", "--env-file", "deploy/cluster.env", *arguments)


def streams(client: httpx.Client) -> dict[str, Any]:
    """The streams by name, as the portal's own status has them."""
    told = client.get(f"{WEB}/api/v1/status").raise_for_status().json()
    return {stream["name"]: stream for stream in told["streams"]}


def accepted(client: httpx.Client, key: str) -> float:
    """Create an instance, trying as a client would; how many seconds it took to be accepted."""
    began = time.monotonic()
    while time.monotonic() - began < _ANSWER_SECONDS:
        if client.post(LIST, headers={"Idempotency-Key": key}).status_code == 202:
            return time.monotonic() - began
    raise SystemExit(f"failed: no command was accepted within {_ANSWER_SECONDS:g} s")


def count(client: httpx.Client) -> int:
    """How many instances there are."""
    return len(client.get(LIST).raise_for_status().json()["instances"])


def without(client: httpx.Client, broker: str) -> float:
    """Kill ``broker``, have a command accepted without it, start it again; seconds until accepted."""
    before = count(client)
    compose("kill", broker)
    took = accepted(client, f"without {broker}")
    compose("up", "-d", "--wait", "--no-recreate")
    until_ready(client)
    require(count(client) == before + 1, f"{count(client)} instances, not {before + 1}")
    return took


def main() -> None:
    """All steps in order; what was started is removed whatever happens."""
    try:
        with step("up --wait, three brokers"):
            compose("up", "-d", "--wait")
        with httpx.Client(timeout=30, headers=NAMED) as client:
            with step("three copies of each stream"):
                found = streams(client)
                require(len(found) >= 4, f"only {sorted(found)}")
                require({one["copies"] for one in found.values()} == {3}, f"copies: {found}")
            accepted(client, "with all")
            for broker in BROKERS:
                with step(f"{broker} killed, a command accepted, and back"):
                    took = without(client, broker)
                sys.stdout.write(f"             accepted {took:.1f} s after the kill\n")
            with step("down, up, data kept"):
                compose("down")
                compose("up", "-d", "--wait")
                require(count(client) == 1 + len(BROKERS), f"{count(client)} instances are left")
    finally:
        compose("down", "-v", "--remove-orphans")


if __name__ == "__main__":
    main()
