"""Drives the all-in-one image as a free host runs it: ``.venv/bin/python -m tests.containers.free_plan``.

A tenth of a core, 512 MiB, no disk, behind an edge that names the client of each request. A hundred people
chat, every message has to reach everybody and nobody may be refused. Then it is killed and started again, and
they come back with the tokens that they have. The image must be built; another name for it is the argument.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.containers.steps import ENVIRON, require, run, step

NAME = "opsroom-free-check"
PORT = 18480
WEB = f"http://127.0.0.1:{PORT}"
PEOPLE, EACH = 100, 3
_PATIENCE_SECONDS = 300.0
_AT_ONCE = 10


def start(image: str) -> float:
    """A new container as a free host makes one; seconds until it is ready."""
    plan = ("--cpus=0.1", "--memory=512m", "--memory-swap=512m", "--no-healthcheck", f"--network={NAME}")
    place = ("-e", "PORT=10000", "-e", "GATEWAY_ACCESS=open", "-e", "GATEWAY_TRUSTED_PROXIES=render")
    began = time.monotonic()
    run("docker", "run", "-d", "--name", NAME, *plan, *place, "-p", f"127.0.0.1:{PORT}:10000", image)
    return until_ready(began)


def until_ready(began: float) -> float:
    """Wait until the portal answers; seconds since ``began``."""
    while time.monotonic() - began < _PATIENCE_SECONDS:
        try:
            if httpx.get(f"{WEB}/readyz", timeout=30).status_code == 200:
                return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit(f"failed: not ready within {_PATIENCE_SECONDS:g} s")


def memory() -> str:
    """What its processes use, without the files that the system keeps for later."""
    total = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", NAME],
        capture_output=True,
        text=True,
        check=True,
    )
    return total.stdout.split(" / ")[0]


def seen_from(number: int) -> dict[str, str]:
    """What Render's edge says of one of the people."""
    return {"X-Forwarded-For": f"203.0.113.{number}, 172.70.247.28, 10.19.6.53", "X-Forwarded-Proto": "https"}


async def registered(number: int, gate: asyncio.Semaphore) -> str:
    """A token of somebody's."""
    async with gate, httpx.AsyncClient(base_url=WEB, headers=seen_from(number), timeout=60) as client:
        answer = await client.post("/api/v1/chat/users", json={"name": f"person-{number}"})
    require(answer.status_code == 201, f"person {number} was refused: {answer.status_code} {answer.text}")
    token: str = answer.json()["token"]
    return token


@asynccontextmanager
async def at_the_room(number: int, token: str) -> AsyncIterator[ClientConnection]:
    """Somebody's socket, welcomed."""
    address = WEB.replace("http", "ws") + "/api/v1/chat/ws"
    async with connect(
        address, additional_headers=seen_from(number), compression=None, max_queue=None, open_timeout=60
    ) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token}))
        while (frame := json.loads(await socket.recv()))["type"] != "welcome":
            require(frame["type"] != "error", f"person {number}: {frame}")
        yield socket


async def talk(number: int, round_: int, socket: ClientConnection) -> float:
    """Say something every few seconds and hear all that is said; the longest wait for an acknowledgement."""
    waiting: dict[str, float] = {}
    heard: set[tuple[str, str]] = set()
    slowest = 0.0

    async def say() -> None:
        for n in range(EACH):
            await asyncio.sleep(0.1 * number if n == 0 else 10)
            waiting[f"{round_}-{number}-{n}"] = time.monotonic()
            frame = {
                "type": "send",
                "clientId": f"{round_}-{number}-{n}",
                "room": "general",
                "text": f"{number} says {n} in round {round_}",
            }
            await socket.send(json.dumps(frame))

    async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(say())
        acknowledged = 0
        while len(heard) < PEOPLE * EACH or acknowledged < EACH:
            frame = json.loads(await socket.recv())
            require(frame["type"] != "error", f"person {number}: {frame}")
            if frame["type"] == "message" and frame["text"].endswith(f"round {round_}"):
                heard.add((frame["user"]["name"], frame["text"]))
            if frame["type"] == "ack":
                acknowledged += 1
                slowest = max(slowest, time.monotonic() - waiting[frame["clientId"]])
    require(len(heard) == PEOPLE * EACH, f"person {number} heard {len(heard)}")
    return slowest


async def register_all() -> list[str]:
    """A token for each, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)
    return await asyncio.gather(*(registered(n, gate) for n in range(PEOPLE)))


async def all_chat(tokens: list[str], round_: int) -> str:
    """Let everybody connect, send and receive; returns the figures as text."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(at_the_room(n, token)) for n, token in enumerate(tokens)]
        there = time.monotonic() - began
        waits = sorted(await asyncio.gather(*(talk(n, round_, socket) for n, socket in enumerate(sockets))))
        used = memory()
    middle, last = waits[PEOPLE // 2], waits[-1]
    return (
        f"             all {PEOPLE} there after {there:.1f} s; each heard all {PEOPLE * EACH} messages\n"
        f"             slowest acknowledgement {last:.2f} s, the median person's {middle:.2f} s\n"
        f"             memory {used}\n"
    )


def newest() -> int:
    """How many messages the history has."""
    answer = httpx.get(f"{WEB}/api/v1/chat/rooms/general/messages?limit=100", timeout=30)
    return len(answer.raise_for_status().json()["messages"])


def remove() -> None:
    """Remove what was started, with its data."""
    subprocess.run(["docker", "rm", "-f", "-v", NAME], env=ENVIRON, capture_output=True, check=False)
    subprocess.run(["docker", "network", "rm", NAME], env=ENVIRON, capture_output=True, check=False)


def main() -> None:
    """All steps in order; what was started is removed whatever happens."""
    image = sys.argv[1] if len(sys.argv) > 1 else "opsroom"
    remove()
    # Published ports are seen as connections from the network's own gateway: here one of Render's addresses.
    run("docker", "network", "create", "--subnet=10.213.77.0/24", NAME)
    try:
        with step("start"):
            sys.stdout.write(f"             ready after {start(image):.1f} s; memory {memory()}\n")
        with step(f"{PEOPLE} names"):
            tokens = asyncio.run(register_all())
        with step("all of them chat"):
            sys.stdout.write(asyncio.run(all_chat(tokens, 1)))
        with step("killed, and started again with what it had on its own disk"):
            run("docker", "kill", "-s", "KILL", NAME)
            began = time.monotonic()
            run("docker", "start", NAME)
            sys.stdout.write(f"             ready after {until_ready(began):.1f} s\n")
            require(newest() == 100, "messages are lost")
        with step("all of them come back and chat"):
            sys.stdout.write(asyncio.run(all_chat(tokens, 2)))
        state = run("docker", "inspect", "-f", "{{.State.OOMKilled}} {{.RestartCount}}", NAME).split()
        require(state == ["false", "0"], f"out of memory or restarted: {state}")
        with step("stopped in order"):
            run("docker", "stop", "-t", "40", NAME)
            ended = run("docker", "inspect", "-f", "{{.State.ExitCode}}", NAME).strip()
            require(ended == "0", f"exit code {ended}")
    finally:
        remove()


if __name__ == "__main__":
    main()
