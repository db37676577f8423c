"""Fixtures of the cloud service's tests."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from services.cloud.tests.harness import Cloud, service


@pytest.fixture
async def cloud(broker: NatsConnection) -> AsyncIterator[Cloud]:
    """The service at work in this process, with a delay of 0.3 s."""
    async with service(broker):
        yield Cloud(broker)
