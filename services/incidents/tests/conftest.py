"""Fixtures of the tests of the incidents service."""

from collections.abc import AsyncIterator

import pytest

from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat
from services.chat.tests.harness import service as chat_service
from services.cloud.tests.harness import service as cloud_service
from services.incidents.tests.harness import Room


@pytest.fixture
async def room(broker: NatsConnection) -> AsyncIterator[Room]:
    """A room with running chat and cloud services. The test starts those that do commands."""
    async with chat_service(broker), cloud_service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        yield Room(broker, ann.user.id, ann.user.name)
