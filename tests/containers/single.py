"""Drives the image that has everything: ``.venv/bin/python -m tests.containers.single`` (needs Docker).

Builds, starts as a host with nothing but one container would (no init, ``PORT`` given, a disk that belongs to
root), talks in a browser, stops with a reader connected, starts again with the data kept, as an unprivileged
user and read-only, and removes everything.
"""

import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.containers.steps import ENVIRON, LIST, NAMED, WEB, people_talk, require, run, step, until_ready

NAME = "opsroom-single-check"
IMAGE = "opsroom-single-check"
PLACE = ("-e", "PORT=10000", "-e", "GATEWAY_ACCESS=open", "-p", "127.0.0.1:18080:10000")
HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
AS_USER = ("--user=10001:10001", *HARDENED)
STATUS = (
    "grep -la 'opsroom[_]' /proc/[0-9]*/cmdline | sed s/cmdline/status/ | xargs -n 1 sh -c 'cat $0; echo'"
)
HEALTHY = (
    f"until [ \"$(docker inspect -f '{{{{.State.Health.Status}}}}' {NAME})\" = healthy ]; do sleep 1; done"
)


def start(disk: Path, *more: str) -> None:
    """A container with the data on ``disk``."""
    run("docker", "run", "-d", "--name", NAME, *more, *PLACE, "-v", f"{disk}:/data", IMAGE)


def refusal(disk: Path, *more: str) -> str:
    """What a container says that can't run like that."""
    done = subprocess.run(
        ["docker", "run", "--rm", "--name", NAME, *more, *PLACE, "-v", f"{disk}:/data", IMAGE],
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    require(done.returncode == 1 and done.stderr.count("\n") == 1, f"{done.returncode}: {done.stderr}")
    return done.stderr


def nobody_in_it_is_root() -> None:
    """No process has a way to root, and the disk belongs to its user."""
    for status in run("docker", "exec", NAME, "sh", "-c", STATUS).strip().split("\n\n"):
        for line in ("Uid:\t10001\t10001\t10001\t10001", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
            require(line in status, f"without {line!r}: {status}")


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
            run("docker", "build", "-f", "deploy/all-in-one/Dockerfile", "-t", IMAGE, ".")
        with TemporaryDirectory() as folder, httpx.Client(timeout=30, headers=NAMED) as client:
            disk = Path(folder, "disk")
            disk.mkdir(mode=0o755)
            require(disk.stat().st_uid == 0, "only root can make a disk that belongs to root")
            with step("without capabilities it says what to change"):
                require("--user 10001:10001" in refusal(disk, *HARDENED), "no word of --user")
                require("must belong to user 10001" in refusal(disk, *AS_USER), "no word of the owner")
            with step("run on a disk that belongs to root"):
                start(disk)
                until_ready(client)
                nobody_in_it_is_root()
            with step("people talk in Chromium"):
                people_talk()
            with step("SIGTERM drains"):
                client.post(LIST).raise_for_status()
                before = ids(client)
                drains_on_sigterm()
            with step("run again as its user, read-only and without capabilities, data kept"):
                run("docker", "rm", NAME)
                start(disk, *AS_USER)
                until_ready(client)
                require(before and ids(client) == before, "the instances differ")
            with step("the engine finds it healthy"):
                run("timeout", "60", "sh", "-c", HEALTHY)
    finally:
        subprocess.run(["docker", "rm", "-f", NAME], env=ENVIRON, capture_output=True, check=False)


if __name__ == "__main__":
    main()
