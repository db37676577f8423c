"""A portal for tests: a real broker, the real services, and gateways on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from opsroom_chat.service import chat_service
from opsroom_chat.settings import ChatSettings
from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_gateway.app import gateway
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_gateway.transport.server import listen, make_server
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.broker_clock import BrokerClock

DELAY_SECONDS = 1.0
"""A busy machine has to cancel within it."""
BINDING_SECONDS = 30.0
"""Long enough that a busy machine does not cause a timeout; tests of the timeout use less."""


def chat_settings() -> ChatSettings:
    """Return settings with grace periods short enough to wait for."""
    return ChatSettings(
        registration_seconds=3.0, closed_seconds=0.3, broken_seconds=0.6, hold_seconds=1.0, token_days=1.0
    )


def gateway_settings(**overrides: object) -> ProcessSettings:
    """Return settings of a gateway on a free port, with ``overrides`` of the tests' defaults."""
    # Commands without a name, so that tests of other things need no registration.
    defaults: dict[str, object] = {
        "port": 0,
        "course_binding_seconds": BINDING_SECONDS,
        "open_commands": True,
    }
    return ProcessSettings.model_validate(defaults | overrides)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a gateway. ``course_ports``: those of the course's chat and dashboard, if any."""

    port: int
    course_ports: tuple[int, ...] = ()

    @property
    def http(self) -> str:
        """The base URL for requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """The base URL for sockets."""
        return f"ws://127.0.0.1:{self.port}"

    def requests(self, agent: str = "test") -> httpx.AsyncClient:
        """Return an HTTP client with the user agent ``agent``."""
        # Loading the CA certificates takes longer than most tests.
        return httpx.AsyncClient(
            base_url=self.http, headers={"User-Agent": agent}, timeout=60.0, verify=False
        )


@dataclass(slots=True)
class Portal:
    """A broker with running services and one gateway; tests may add others."""

    url: str
    gateway: Address = field(default_factory=lambda: Address(0))


@asynccontextmanager
async def serving(
    url: str, settings: ProcessSettings | None = None, clock: BrokerClock | None = None
) -> AsyncIterator[Address]:
    """Run a gateway, and stop it gracefully at the end. ``clock``: that of its machine, at the start."""
    chosen = settings or gateway_settings()
    listeners = [listen(chosen, port) for port in (chosen.port, *chosen.course_ports)]
    port, *course_ports = (listener.getsockname()[1] for listener in listeners)
    broker = await connect(url, name="gateway")
    try:
        async with gateway(broker, chosen, clock, course_ports) as run_tasks:
            server = make_server(run_tasks, chosen)
            served = asyncio.create_task(server.serve(listeners))
            try:
                yield Address(port, tuple(course_ports))
            finally:
                server.stop()
                await served
    finally:
        await broker.close()
        for listener in listeners:
            listener.close()


@asynccontextmanager
async def services(
    url: str,
    *,
    delay: float = DELAY_SECONDS,
    replicas: int = 1,
    failure_rate: float = 0.0,
    approvals: str = "",
    **chat_overrides: float,
) -> AsyncIterator[None]:
    """Run ``replicas`` chat and cloud services, each with its own connection.

    ``failure_rate``: the share of commands that fail. ``approvals``: the policy of what must be approved.
    """
    async with AsyncExitStack() as stack:
        for _ in range(replicas):
            chat, cloud = await _connected(stack, url), await _connected(stack, url)
            settings_of_chat = chat_settings().model_copy(update=chat_overrides)
            await stack.enter_async_context(chat_service(chat, settings_of_chat))
            settings = CloudSettings(delay_seconds=delay, approvals=approvals)
            await stack.enter_async_context(cloud_service(cloud, settings, SimulatedProvider(failure_rate)))
        yield


@asynccontextmanager
async def portal_at(url: str, settings: ProcessSettings | None = None) -> AsyncIterator[Portal]:
    """Run services and one gateway on the broker at ``url``."""
    async with services(url), serving(url, settings) as address:
        yield Portal(url, address)


async def _connected(stack: AsyncExitStack, url: str) -> NatsConnection:
    broker = await connect(url, name="service")
    stack.push_async_callback(broker.close)
    return broker
