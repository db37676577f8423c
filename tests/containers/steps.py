"""What the checks of containers share."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
WEB = "http://127.0.0.1:18080"
LIST = f"{WEB}/api/v1/cloud/instances"
NAMED = {"Opsroom-Name": "a check"}
"""The headers of commands: in open mode they need an author."""
ENVIRON = {
    **os.environ,
    "COMPOSE_PROJECT_NAME": "opsroom-check",
    "OPSROOM_PORT": "18080",
    "OPSROOM_NATS_PORT": "14222",
    "OPSROOM_URL": WEB,
}
STEP_SECONDS = 900


def run(*argv: str, folder: Path = ROOT, given: str = "") -> str:
    """Run a program to its end; its output. Ends everything if it fails."""
    done = subprocess.run(
        argv,
        cwd=folder,
        env=ENVIRON,
        text=True,
        input=given,
        capture_output=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(argv[:6])} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"[-4000:]
        )
    return done.stdout


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is done and how long it took."""
    began = time.monotonic()
    yield
    sys.stdout.write(f"ok {time.monotonic() - began:6.1f} s  {name}\n")
    sys.stdout.flush()


def require(condition: object, what: str) -> None:
    """End everything unless ``condition`` holds."""
    if not condition:
        raise SystemExit(f"failed: {what}")


def until_ready(client: httpx.Client) -> None:
    """Wait until the portal answers again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if client.get(f"{WEB}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("failed: /readyz did not say 200 within 60 s")


def people_talk() -> None:
    """The page's own tests of the chat, in Chromium, against the portal that runs."""
    _in_the_browser("chat.spec")


def a_server_lives() -> None:
    """The page's test of a server's life from creation to removal, ten seconds a command."""
    _in_the_browser("cloud.spec", "--grep=create, start, stop, remove")


def _in_the_browser(*tests: str) -> None:
    # One worker: two would hear each other in the one portal that there is.
    run("npm", "run", "e2e", "--", *tests, "--workers=1", folder=ROOT / "frontend")
