"""What the gateway's tests share: a portal for each module, and one for each test that needs its own."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.behind_proxy import Guarded, two_behind_a_proxy
from services.gateway.tests.portal import Address, Portal, portal_at
from services.gateway.tests.token_mode import Tokens


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def portal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    """The portal of a module; its tests keep apart by names and by browsers."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with portal_at(process.url) as whole:
        yield whole
    await process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """Two more gateways of a module, behind a proxy and with tokens."""
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    async with two_behind_a_proxy(portal, tokens) as gateways:
        yield gateways


@pytest.fixture
def address(portal: Portal) -> Address:
    """Where the module's gateway is."""
    return portal.gateway


@pytest.fixture
def agent() -> str:
    """A browser that no other test has."""
    return f"browser-{uuid4().hex}"


@pytest_asyncio.fixture(loop_scope="module")
async def http(address: Address, agent: str) -> AsyncIterator[httpx.AsyncClient]:
    """Requests to the module's gateway."""
    async with address.requests(agent) as client:
        yield client


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", *kind, *name, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return cert, key
