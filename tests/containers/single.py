"""Drives the image that has everything: ``.venv/bin/python -m tests.containers.single`` (needs Docker).

Builds, starts as a host with nothing but one container would (no init, ``PORT`` given, read-only), talks in a
browser, stops with a reader connected, starts again with the data kept, and removes everything.
"""

import subprocess
import threading

import httpx

from tests.containers.steps import ENVIRON, LIST, WEB, people_talk, require, run, step, until_ready

NAME = "opsroom-single-check"


def start() -> None:
    """A container on the volume of the check."""
    hardened = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    place = (
        "-e",
        "PORT=10000",
        "-e",
        "GATEWAY_ACCESS=open",
        "-p",
        "127.0.0.1:18080:10000",
        "-v",
        f"{NAME}:/data",
    )
    run("docker", "run", "-d", "--name", NAME, *hardened, *place, "opsroom")


def ids(client: httpx.Client) -> list[str]:
    """The instances there are, whatever is under way with them."""
    return [instance["id"] for instance in client.get(LIST).raise_for_status().json()["instances"]]


def drains_on_sigterm() -> None:
    """A reader of events is let go in order, and the end is one that was asked for."""
    ends: list[str] = []
    reading = threading.Event()

    def read() -> None:
        try:
            with httpx.stream("GET", f"{WEB}/api/v1/cloud/events", timeout=60) as answer:
                reading.set()
                for _ in answer.iter_bytes():
                    pass
            ends.append("in order")
        except httpx.TransportError as error:
            ends.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    require(reading.wait(10), "the event stream did not begin")
    run("docker", "stop", "-t", "30", NAME)
    reader.join(10)
    require(ends == ["in order"], f"the event stream ended: {ends}")
    code = run("docker", "inspect", "-f", "{{.State.ExitCode}}", NAME).strip()
    require(code == "0", f"exit code {code}")


def main() -> None:
    """All steps in order; what was started is removed whatever happens."""
    try:
        with step("build"):
            run("docker", "build", "-f", "deploy/all-in-one/Dockerfile", "-t", "opsroom", ".")
        with httpx.Client(timeout=30) as client:
            with step("run"):
                start()
                until_ready(client)
            with step("people talk in Chromium"):
                people_talk()
            with step("SIGTERM drains"):
                client.post(LIST).raise_for_status()
                before = ids(client)
                drains_on_sigterm()
            with step("run again, data kept"):
                run("docker", "rm", NAME)
                start()
                until_ready(client)
                require(before and ids(client) == before, "the instances differ")
            with step("the engine finds it healthy"):
                run("timeout", "60", "sh", "-c", HEALTHY)
    finally:
        subprocess.run(["docker", "rm", "-f", NAME], env=ENVIRON, capture_output=True, check=False)
        subprocess.run(["docker", "volume", "rm", NAME], env=ENVIRON, capture_output=True, check=False)


HEALTHY = (
    f"until [ \"$(docker inspect -f '{{{{.State.Health.Status}}}}' {NAME})\" = healthy ]; do sleep 1; done"
)


if __name__ == "__main__":
    main()
