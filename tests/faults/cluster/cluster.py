"""The processes of a run: brokers, chats, clouds and gateways, restarted as the launcher would do."""

import asyncio
import json
import os
import signal
import sys
import sysconfig
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

from opsroom_gateway.auth.static_tokens import make_token
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.broker_accounts import create_accounts
from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import authorization
from opsroom_messaging.deployment.private_files import OPERATOR, password_file, write_private
from opsroom_messaging.errors import BrokerUnavailableError
from opsroom_testkit.ports import free_port, is_ready, listens
from tests.faults.agents.spec import AgentSpec
from tests.faults.clients.texts import POLICY, ROOMS
from tests.faults.cluster.managed_process import START_SECONDS, ManagedProcess
from tests.faults.cluster.proxy import Proxy
from tests.faults.cluster.proxy_server import find_nginx, start_nginx

ADMIN, VIEWER = "root", "viewer-0"
NGINX = "nginx"
_PINGS = "".join(f"{name}: {json.dumps(value)}\n" for name, value in PINGS.items())
_LIMITS = {
    "GATEWAY_EXEMPT_ADDRESSES": "192.0.2.1",
    "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
    "GATEWAY_REGISTRATIONS_PER_MINUTE": "3000",
    "GATEWAY_MESSAGES_PER_SECOND": "200",
    "GATEWAY_MESSAGES_BURST": "1000",
    "GATEWAY_COMMANDS_PER_SECOND": "60",
    "GATEWAY_COMMANDS_BURST": "600",
    "GATEWAY_CONNECTIONS_PER_ADDRESS": "2000",
}
"""Limits apply to the clients, which stay below these: no client of the run may be rate limited."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes of each kind; ``cluster``: three broker nodes, three replicas of each stream."""

    gateways: int = 2
    chats: int = 2
    clouds: int = 2
    cluster: bool = False
    delay: float = 1.0
    failure_rate: float = 0.03
    """The share of operations that the provider fails."""
    retention_bytes: int = 4_000_000
    """How many bytes of messages are kept. Replays from before that must be reset."""
    replay_limit: int = 2000
    proxy: bool = True
    """Put nginx in front of the gateways, too, if it is installed."""
    operators: int = 4
    """How many operators have a token."""
    clock: Path | None = None
    """The library that makes the clocks of services step (libfaketime)."""
    agent: AgentSpec | None = None
    """Two agents of one provider, if any."""


@dataclass(slots=True)
class Node:
    """A broker node, its port for clients, and the proxies between it and the other nodes."""

    child: ManagedProcess
    port: int
    routes: list[Proxy] = field(default_factory=list)


@dataclass(slots=True)
class Proxied:
    """A gateway or an agent, and its proxies to the brokers. ``port``: for clients, or for metrics."""

    child: ManagedProcess
    port: int
    ways: list[Proxy]


class PortalCluster:
    """All processes of a run. ``folder``: their configuration and logs."""

    def __init__(self, folder: Path, size: Size, store: Path) -> None:
        self.size = size
        self.folder = folder
        self.store = store
        """The folder of the broker's data, and of the agents' state."""
        self.nodes: list[Node] = []
        self.gateways: list[Proxied] = []
        self.agents: list[Proxied] = []
        self.chats: list[ManagedProcess] = []
        self.clouds: list[ManagedProcess] = []
        self.proxy: ManagedProcess | None = None
        self.places: dict[int, str] = {}
        """The gateway of each port for clients."""
        self.tokens: dict[str, str] = {}
        """The tokens of the admin, the operators and a viewer, by name."""
        self._passwords: dict[str, str] = {}

    async def connect(self) -> NatsConnection:
        """Connect to the broker as its operator.

        Raises:
            BrokerUnavailableError: it does not reply.
        """
        credentials = Credentials(OPERATOR, password_file(self.folder / "users", OPERATOR))
        return await connect(self.nats_url, name=OPERATOR, credentials=credentials)

    @property
    def nats_url(self) -> str:
        """The URLs of all brokers, without proxies."""
        return ",".join(f"nats://127.0.0.1:{node.port}" for node in self.nodes)

    def clock_of(self, name: str) -> Path:
        """The file with the clock offset of a process."""
        return self.folder / f"{name}.clock"

    def step(self, name: str, seconds: float) -> None:
        """Set the clock offset of a process."""
        self.clock_of(name).write_text(f"{seconds:+.3f}\n")

    def services(self) -> list[ManagedProcess]:
        """All processes except the brokers."""
        others = (*(agent.child for agent in self.agents), *(gateway.child for gateway in self.gateways))
        return [*self.chats, *self.clouds, *others]

    def children(self) -> list[ManagedProcess]:
        """All processes."""
        proxy = [] if self.proxy is None else [self.proxy]
        return [*(node.child for node in self.nodes), *self.services(), *proxy]

    async def start(self) -> None:
        """Start everything, and wait until all gateways are ready."""
        self._passwords = create_accounts(self.folder / "users", "nats://127.0.0.1:4222")
        self._make_tokens()
        await (self._start_cluster() if self.size.cluster else self._start_broker())
        for node in self.nodes:
            await node.child.wait_ready()
        await self._until_led()
        for number in range(1, self.size.chats + 1):
            self.chats.append(await self._service(f"chat-{number}", self.nats_url))
        for number in range(1, self.size.clouds + 1):
            self.clouds.append(await self._service(f"cloud-{number}", self.nats_url))
        for number in (1, 2) if self.size.agent is not None else ():
            await self._start_agent(number)
        for number in range(1, self.size.gateways + 1):
            await self._start_gateway(number)
        for child in self.services():
            await child.wait_ready()
        await self._start_proxy()

    def _make_tokens(self) -> None:
        """Make static tokens, in a file that gateways read."""
        roles = {ADMIN: "admin", VIEWER: "viewer"}
        roles |= {f"operator-{number}": "operator" for number in range(self.size.operators)}
        lines = []
        for name, role in roles.items():
            self.tokens[name], line = make_token(name, role)
            lines.append(line + "\n")
        write_private(self.folder / "tokens", "".join(lines))

    async def _start_proxy(self) -> None:
        program = find_nginx() if self.size.proxy else None
        if program is not None:
            ports = [gateway.port for gateway in self.gateways]
            self.proxy, port = await start_nginx(program, self.folder, ports)
            await self.proxy.wait_ready()
            self.places[port] = NGINX

    async def stop(self) -> None:
        """Stop all processes: gateways first, brokers last."""
        try:
            for group in (
                [] if self.proxy is None else [self.proxy],
                [gateway.child for gateway in self.gateways],
                [agent.child for agent in self.agents],
                [*self.chats, *self.clouds],
                [node.child for node in self.nodes],
            ):
                await asyncio.gather(*(child.shut_down() for child in group))
        finally:
            for proxy in self._proxies():
                await proxy.stop()

    def heal(self) -> None:
        """End all stalls, cuts and pauses."""
        for proxy in self._proxies():
            proxy.heal()
        for child in self.children():
            child.signal(signal.SIGCONT)

    async def _until_led(self) -> None:
        """Wait until JetStream is available: a cluster has to elect a leader first."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    broker = await self.connect()
                except BrokerUnavailableError:
                    await asyncio.sleep(0.1)
                else:
                    return await broker.close()

    def _proxies(self) -> list[Proxy]:
        ways = [way for one in (*self.gateways, *self.agents) for way in one.ways]
        return ways + [proxy for node in self.nodes for proxy in node.routes]

    async def _start_broker(self) -> None:
        port = free_port()
        text = (
            f'server_name: n1\nlisten: "127.0.0.1:{port}"\n{_PINGS}'
            f'jetstream {{ store_dir: "{self.store / "js"}", sync_interval: always, max_file_store: 40GB }}\n'
        )
        self.nodes.append(Node(await self._broker(1, text, port), port))

    async def _start_cluster(self) -> None:
        """Start three nodes, connected pairwise through proxies, so that any of them can be partitioned.

        Of two routes between two nodes, nats-server drops the second. Both are needed: a node without routes
        refuses to join a cluster.
        """
        ports = [free_port() for _ in range(3)]
        routes = [free_port() for _ in range(3)]
        between: dict[tuple[int, int], Proxy] = {}
        for pair in permutations(range(3), 2):
            between[pair] = Proxy(routes[pair[1]])
            await between[pair].start()
        for number in range(3):
            ways = [way for (caller, _), way in between.items() if caller == number]
            urls = [f"nats-route://127.0.0.1:{way.port}" for way in ways]
            text = (
                f'server_name: n{number + 1}\nlisten: "127.0.0.1:{ports[number]}"\n{_PINGS}'
                f'jetstream {{ store_dir: "{self.store / f"js{number + 1}"}", max_file_store: 40GB }}\n'
                f'cluster {{ name: faults, listen: "127.0.0.1:{routes[number]}", no_advertise: true,'
                f' advertise: "127.0.0.1:9", ping_interval: "1s", routes: {urls} }}\n'
            )
            child = await self._broker(number + 1, text, ports[number])
            self.nodes.append(
                Node(child, ports[number], [p for pair, p in between.items() if number in pair])
            )

    async def _broker(self, number: int, text: str, port: int) -> ManagedProcess:
        config = self.folder / f"nats-{number}.conf"
        users = json.dumps(authorization(self._passwords))
        write_private(config, f"{text}authorization: {users}\n")
        binary = str(Path(sysconfig.get_path("scripts")) / "nats-server")
        child = ManagedProcess(f"broker-{number}", [binary, "-c", str(config)], dict(os.environ), self.folder)

        async def answers() -> bool:
            return await listens(port)

        child.ready = answers
        await child.start()
        return child

    async def _service(self, name: str, url: str, **environ: str) -> ManagedProcess:
        kind = name.partition("-")[0]
        chosen = {
            "NATS_URL": url,
            "NATS_USER": kind,
            "NATS_PASSWORD_FILE": str(password_file(self.folder / "users", kind)),
            "STREAM_REPLICAS": "3" if self.size.cluster else "1",
            "CLOUD_DELAY_SECONDS": f"{self.size.delay:g}",
            "CHAT_REGISTRATION_SECONDS": "3",
            "CHAT_BROKEN_SECONDS": "2",
            "CHAT_HOLD_SECONDS": "2",
            "GATEWAY_PING_SECONDS": "5",
            "GATEWAY_HEARTBEAT_SECONDS": "5",
            "CLOUD_APPROVALS": POLICY,
            "CLOUD_FAILURE_RATE": f"{self.size.failure_rate:g}",
            "CHAT_ROOMS": ",".join(ROOMS),
            "CHAT_RETENTION_BYTES": str(self.size.retention_bytes),
            "GATEWAY_REPLAY_LIMIT": str(self.size.replay_limit),
            "GATEWAY_ACCESS": "token",
            "GATEWAY_TOKENS_FILE": str(self.folder / "tokens"),
            "GATEWAY_COURSE": "true",
            "LOG_LEVEL": "INFO",
            **_LIMITS,
            **(self.size.agent.of_clouds() if self.size.agent else {}),
        }
        if self.size.clock is not None:
            chosen |= {
                "LD_PRELOAD": str(self.size.clock),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock_of(name)),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            self.step(name, 0)
        told = int(environ.get("AGENT_ADMIN_PORT", 0)) or free_port()
        chosen[f"{kind.upper()}_ADMIN_PORT"] = str(told)
        child = ManagedProcess(
            name, [sys.executable, "-m", f"opsroom_{kind}"], os.environ | chosen | environ, self.folder
        )

        async def ready() -> bool:
            return await is_ready(told)

        child.ready = ready
        await child.start()
        return child

    async def _start_gateway(self, number: int) -> None:
        port = free_port()
        ways, url = await self._ways()
        child = await self._service(f"gateway-{number}", url, GATEWAY_PORT=str(port))
        self.gateways.append(Proxied(child, port, ways))
        self.places[port] = child.name

    async def _start_agent(self, number: int) -> None:
        assert self.size.agent is not None
        port = free_port()
        ways, url = await self._ways()
        environ = self.size.agent.of_agents(self.folder, self.store) | {"AGENT_ADMIN_PORT": str(port)}
        child = await self._service(f"agent-{number}", url, **environ)
        self.agents.append(Proxied(child, port, ways))

    async def _ways(self) -> tuple[list[Proxy], str]:
        """Start a proxy to each broker. Returns them and their URLs."""
        ways = [Proxy(node.port) for node in self.nodes]
        for way in ways:
            await way.start()
        return ways, ",".join(f"nats://127.0.0.1:{way.port}" for way in ways)
