"""Fixtures of the tests of the chat service."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat, service


@pytest.fixture
async def chat(broker: NatsConnection) -> AsyncIterator[Chat]:
    """A running service with grace periods of at most a second, and the gateway ``g1`` alive."""
    async with service(broker):
        client = Chat(broker)
        await client.lease("g1")
        yield client
