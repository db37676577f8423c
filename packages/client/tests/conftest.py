"""A portal that the tests share, behind a TCP proxy."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from packages.client.tests.tcp_proxy import Proxy, proxy_to
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import gateway_settings, portal_at


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """A proxy to a running portal."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    try:
        async with (
            portal_at(process.url, gateway_settings(open_moderation=True)) as portal,
            incidents_at(process.url),
            proxy_to(portal.gateway.port) as running_proxy,
        ):
            yield running_proxy
    finally:
        await process.stop()
