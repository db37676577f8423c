"""The target: a gateway, a chat and a cloud service in one process, which reports its resource usage.

Run as ``python -m tests.fuzz.target URL USERS``: the broker and the folder of its users. It prints
``{"port": ...}`` when it is ready, and its usage as a line of JSON after each order on its input, which is
``{"ask": "vitals"}``, ``{"plant": MUTANT}`` or ``{"restore": MUTANT}``. It ends when its input does.
"""

import asyncio
import gc
import json
import logging
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from opsroom_chat.service import chat_service
from opsroom_cloud.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_gateway.app import gateway
from opsroom_gateway.transport.server import listen, make_server
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.broker_accounts import password_file
from opsroom_runtime.log_setup import configure
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.portal import chat_settings, gateway_settings
from tests.fuzz.mutants import MUTANTS

DELAY_SECONDS = 0.2
HEARTBEAT_SECONDS = 8.0
"""Shorter than the timeout of the clients of the event stream."""
_ANSWER_SECONDS = 120.0
"""Importing all three services is slow on a busy machine."""
_WATCHED = ("opsroom_gateway", "uvicorn", "websockets", "starlette", "fastapi", "asyncio", "_asyncio")
"""The modules whose objects must not grow in number. State of users and servers is of other modules."""


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The resources of a process. ``objects``: the number by class; ``mib``: its memory."""

    tasks: int
    descriptors: int
    sockets: int
    mib: float
    objects: dict[str, int]


def resource_usage() -> ResourceUsage:
    """Measure this process."""
    gc.collect()
    me = psutil.Process()
    kinds = Counter(map(type, gc.get_objects()))
    objects = {f"{kind.__module__}.{kind.__qualname__}": kinds[kind] for kind in kinds if _watched(kind)}
    return ResourceUsage(
        tasks=len(asyncio.all_tasks()),
        descriptors=me.num_fds(),
        sockets=len(me.net_connections("inet")),
        mib=me.memory_info().rss / 1024**2,
        objects=objects,
    )


def _watched(kind: type) -> bool:
    return str(kind.__module__).partition(".")[0] in _WATCHED  # some classes have a property there


async def _serve(url: str, users: Path) -> None:
    async with AsyncExitStack() as stack:

        async def as_user(name: str) -> NatsConnection:
            broker = await connect(url, name=name, credentials=Credentials(name, password_file(users, name)))
            stack.push_async_callback(broker.close)
            return broker

        await stack.enter_async_context(chat_service(await as_user("chat"), chat_settings()))
        settings = CloudSettings(delay_seconds=DELAY_SECONDS)
        await stack.enter_async_context(
            cloud_service(await as_user("cloud"), settings, SimulatedProvider(0.0))
        )
        chosen = gateway_settings(heartbeat_seconds=HEARTBEAT_SECONDS)
        listener = listen(chosen)
        at_work = await stack.enter_async_context(gateway(await as_user("gateway"), chosen))
        server = make_server(at_work, chosen)
        served = asyncio.create_task(server.serve([listener]))
        _say({"port": listener.getsockname()[1]})
        await _handle_orders()
        server.stop()
        await served


async def _handle_orders() -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    undo: dict[str, list[Any]] = {}
    while line := await orders.readline():
        match json.loads(line):
            case {"plant": name}:
                undo[name] = MUTANTS[name].plant()
            case {"restore": name}:
                for owner, attribute, was in undo.pop(name):
                    setattr(owner, attribute, was)
        seen = resource_usage()
        _say({name: getattr(seen, name) for name in ResourceUsage.__slots__})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Target:
    """The process, seen from the session: a port, a log, and its resource usage."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self._process = process

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._process.returncode is None

    async def ask(self, **order: str) -> ResourceUsage:
        """Send an order. Returns the resource usage after it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order or {"ask": "vitals"}).encode() + b"\n")
        return ResourceUsage(**await _answer(self._process))


@asynccontextmanager
async def target(broker: GuardedBroker) -> AsyncIterator[Target]:
    """Run the process. It must end with exit code 0."""
    log = broker.folder / "target.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fuzz.target", broker.url, str(broker.users)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=output,
            limit=2**20,
            cwd=Path(__file__).parents[2],
        )
    try:
        yield Target(process, (await _answer(process))["port"], log)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.wait() == 0, log.read_text()[-2000:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(_ANSWER_SECONDS):
        line = await process.stdout.readline()
    answer: dict[str, Any] = json.loads(line)
    return answer


if __name__ == "__main__":
    configure("target", {"LOG_LEVEL": "WARNING", "LOG_FORMAT": "text"}, sys.stderr)
    logging.captureWarnings(capture=True)
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
