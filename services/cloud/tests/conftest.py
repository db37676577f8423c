"""Fixtures of the cloud service's tests."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.connection import Broker
from services.cloud.tests.harness import Cloud, service


@pytest.fixture
async def cloud(broker: Broker) -> AsyncIterator[Cloud]:
    """The service at work in this process, with short times."""
    async with service(broker):
        yield Cloud(broker)
