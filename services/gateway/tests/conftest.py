"""Fixtures of the gateway's tests: a portal per module, or per test if it needs its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.certificates import make_certificate
from services.gateway.tests.kit.behind_proxy import TwoGateways, two_behind_a_proxy
from services.gateway.tests.kit.portal import Address, Portal, portal_at
from services.gateway.tests.kit.token_mode import Tokens


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def portal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    """The portal of a module; its tests use different names and browsers."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    try:
        async with portal_at(process.url) as whole:
            yield whole
    finally:
        await process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoGateways]:
    """Two more gateways for a module, behind a proxy and in token mode."""
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    async with two_behind_a_proxy(portal, tokens) as gateways:
        yield gateways


@pytest.fixture
def address(portal: Portal) -> Address:
    """The address of the module's gateway."""
    return portal.gateway


@pytest.fixture
def agent() -> str:
    """A user agent that no other test uses."""
    return f"browser-{uuid4().hex}"


@pytest_asyncio.fixture(loop_scope="module")
async def http(address: Address, agent: str) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the module's gateway."""
    async with address.requests(agent) as client:
        yield client


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    return make_certificate(tmp_path)
