"""A portal that all tests of a module share, and the cuttable way to it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from packages.client.tests.wire import Wire, wire_to
from services.gateway.tests.kit.portal import gateway_settings, portal_at


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def wire(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    """The way to a portal at work."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with (
        portal_at(process.url, gateway_settings(open_moderation=True)) as portal,
        wire_to(portal.gateway.port) as whole,
    ):
        yield whole
    await process.stop()
