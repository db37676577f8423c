"""Fixtures of the tests of the cloud service."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from services.cloud.tests.harness import Cloud, service


@pytest.fixture
async def cloud(broker: NatsConnection) -> AsyncIterator[Cloud]:
    """A running service with short times."""
    async with service(broker):
        yield Cloud(broker)
