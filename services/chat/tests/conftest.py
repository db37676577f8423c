"""Fixtures of the tests of the chat service."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from services.chat.tests.harness import Chat, service
from services.chat.tests.moderation import Moderator


@pytest.fixture
async def chat(broker: NatsConnection) -> AsyncIterator[Chat]:
    """A running service with grace periods of at most a second, and the gateway ``g1`` alive."""
    async with service(broker):
        client = Chat(broker)
        await client.lease("g1")
        yield client


@pytest.fixture
async def moderator(chat: Chat, broker: NatsConnection) -> Moderator:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    return Moderator(chat)
