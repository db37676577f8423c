"""The target: two gateways, a chat, a cloud service and an agent in one process, which reports its resources.

Run as ``python -m tests.fuzz.target URL USERS``: the broker and the folder of its users. It prints a
``Ready`` as a line of JSON when it is ready, and its usage after each order on its input, which is
``{"ask": "vitals"}``, ``{"plant": MUTANT}`` or ``{"restore": MUTANT}``. It ends when its input does.

One gateway is in ``open`` mode, the other in ``token`` mode with a static token of each role. Only
``127.0.0.1`` is exempt from their limits: floods come from other addresses of this machine.
"""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opsroom_agent.service import agent_service
from opsroom_agent.settings import AgentSettings, ProviderKind
from opsroom_chat.service import chat_service
from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.identity import Role
from opsroom_gateway.app import gateway
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_gateway.transport.server import listen, make_server
from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.private_files import password_file
from opsroom_runtime.log_setup import configure
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.portal import chat_settings, gateway_settings
from tests.fuzz.mutants import MUTANTS
from tests.fuzz.resources import ResourceUsage, resource_usage

DELAY_SECONDS = 0.2
CLOUD = CloudSettings(
    delay_seconds=DELAY_SECONDS, list_seconds=1.0, create_timeout_seconds=5.0, command_timeout_seconds=5.0
)
"""Lists are requested often, and hostile agents don't keep their operations pending for long."""
LAB = AgentSettings(
    provider=ProviderKind.SIMULATED,
    simulated_delay_seconds=0.05,
    simulated_adoptable=50,
    simulated_log_rate=200.0,
)
EXEMPT = "127.0.0.1"
HEARTBEAT_SECONDS = 8.0
"""Shorter than the timeout of the clients of the event stream."""
_ANSWER_SECONDS = 120.0
"""Importing all three services is slow on a busy machine."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a client needs to know: the ports of the gateways in ``open`` and in ``token`` mode, the static
    token of each role at the latter, and the process id.
    """

    port: int
    token_port: int
    tokens: dict[str, str]
    pid: int


async def _serve(url: str, users: Path) -> None:
    made = {role.value: make_token(f"the-{role}", role) for role in Role}
    common: dict[str, Any] = {"heartbeat_seconds": HEARTBEAT_SECONDS, "exempt_addresses": (EXEMPT,)}
    by_token = {"access": "token", "course": True, "tokens": tuple(line for _, line in made.values())}
    async with AsyncExitStack() as stack:

        async def as_user(name: str) -> NatsConnection:
            broker = await connect(url, name=name, credentials=Credentials(name, password_file(users, name)))
            stack.push_async_callback(broker.close)
            return broker

        await stack.enter_async_context(chat_service(await as_user("chat"), chat_settings()))
        await stack.enter_async_context(cloud_service(await as_user("cloud"), CLOUD, SimulatedProvider(0.0)))
        await stack.enter_async_context(incidents_service(await as_user("incidents"), IncidentsSettings()))
        await stack.enter_async_context(agent_service(await as_user("agent"), LAB))
        port, token_port = [
            await stack.enter_async_context(_serving(await as_user("gateway"), gateway_settings(**chosen)))
            for chosen in (common, common | by_token)
        ]
        tokens = {role: token for role, (token, _) in made.items()}
        _say(asdict(Ready(port, token_port, tokens, os.getpid())))
        await _handle_orders()


@asynccontextmanager
async def _serving(broker: NatsConnection, settings: ProcessSettings) -> AsyncIterator[int]:
    """Run a gateway. Yields its port."""
    listener = listen(settings)
    async with gateway(broker, settings) as at_work:
        server = make_server(at_work, settings)
        served = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
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
    """The process, seen from the session: its ports, its log, and its resource usage."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Ready, log: Path) -> None:
        self.ready = ready
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
        yield Target(process, Ready(**await _answer(process)), log)
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
