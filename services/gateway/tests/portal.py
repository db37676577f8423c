"""A whole portal for tests: a real broker, the real services, and gateways served on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from opsroom_chat.service import chat_service
from opsroom_chat.settings import ChatSettings
from opsroom_cloud.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_gateway.app import gateway
from opsroom_gateway.server import listen, make_server
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.connection import Broker, connect

DELAY_SECONDS = 1.0
"""A busy machine has to cancel within it."""
BINDING_SECONDS = 30.0
"""Nobody is to lose their place because the machine is busy; who waits for that has less."""


def chat_settings() -> ChatSettings:
    """Graces short enough to wait for."""
    return ChatSettings(
        registration_seconds=3.0, closed_seconds=0.3, broken_seconds=0.6, hold_seconds=1.0, token_days=1.0
    )


def gateway_settings(**changed: object) -> GatewaySettings:
    """A gateway on a free port, its settings ``changed`` from what these tests usually have."""
    usual: dict[str, object] = {"port": 0, "course_binding_seconds": BINDING_SECONDS}
    return GatewaySettings.model_validate(usual | changed)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway is."""

    port: int

    @property
    def http(self) -> str:
        """For requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """For sockets."""
        return f"ws://127.0.0.1:{self.port}"

    def requests(self, agent: str = "test") -> httpx.AsyncClient:
        """A client for requests, ``agent`` being its browser."""
        # Without the certificates that only TLS needs: to read them takes longer than most tests.
        return httpx.AsyncClient(
            base_url=self.http, headers={"User-Agent": agent}, timeout=15.0, verify=False
        )


@dataclass(slots=True)
class Portal:
    """Services at work; gateways come and go."""

    url: str
    gateway: Address = field(default_factory=lambda: Address(0))


@asynccontextmanager
async def serving(url: str, settings: GatewaySettings | None = None) -> AsyncIterator[Address]:
    """A gateway served, and drained at the end as its process would."""
    chosen = settings or gateway_settings()
    listener = listen(chosen)
    broker = await connect(url, name="gateway")
    try:
        async with gateway(broker, chosen) as at_work:
            server = make_server(at_work, chosen)
            served = asyncio.create_task(server.serve([listener]))
            try:
                yield Address(listener.getsockname()[1])
            finally:
                server.stop()
                await served
    finally:
        await broker.close()
        listener.close()


@asynccontextmanager
async def services(url: str, *, delay: float = DELAY_SECONDS, replicas: int = 1) -> AsyncIterator[None]:
    """``replicas`` chat and as many cloud services, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        for _ in range(replicas):
            chat, cloud = await _connected(stack, url), await _connected(stack, url)
            await stack.enter_async_context(chat_service(chat, chat_settings()))
            settings = CloudSettings(delay_seconds=delay)
            await stack.enter_async_context(cloud_service(cloud, settings, SimulatedProvider(0.0)))
        yield


@asynccontextmanager
async def portal_at(url: str, settings: GatewaySettings | None = None) -> AsyncIterator[Portal]:
    """Services and one gateway on the broker at ``url``."""
    async with services(url), serving(url, settings) as address:
        yield Portal(url, address)


async def _connected(stack: AsyncExitStack, url: str) -> Broker:
    broker = await connect(url, name="service")
    stack.push_async_callback(broker.close)
    return broker
