"""Fixtures that every test of the repository may use: a real broker, and a connection to it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from opsroom_messaging.client.connection import NatsConnection, connect

sys.path.insert(0, str(Path(__file__).parent))

from opsroom_testkit.broker import BrokerProcess

# How long an example takes says more about the machine than about the code: tests run beside each other.
settings.register_profile("opsroom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("opsroom")


@pytest.fixture
async def broker_process(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A nats-server of this test's own."""
    process = BrokerProcess(tmp_path)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def broker(broker_process: BrokerProcess) -> AsyncIterator[NatsConnection]:
    """A connection to this test's own nats-server."""
    connection = await connect(broker_process.url, name="test")
    yield connection
    await connection.close()
