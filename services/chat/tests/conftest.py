"""Fixtures of the chat service's tests."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat, service


@pytest.fixture
async def chat(broker: NatsConnection) -> AsyncIterator[Chat]:
    """The service at work in this process, with graces of at most a second and the gateway ``g1`` alive."""
    async with service(broker):
        asked = Chat(broker)
        await asked.lease("g1")
        yield asked
