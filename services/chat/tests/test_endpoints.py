"""The endpoints of the service."""

import json

from opsroom_contracts.endpoints import endpoints_of
from opsroom_contracts.subjects import CHAT_SERVICE
from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat


async def test_every_endpoint_of_the_contract_has_a_handler(chat: Chat, broker: NatsConnection) -> None:
    reply = await broker.client.request(f"$SRV.INFO.{CHAT_SERVICE}", timeout=10)
    served = [endpoint["subject"] for endpoint in json.loads(reply.data)["endpoints"]]
    assert sorted(served) == sorted(endpoint.subject for endpoint in endpoints_of(CHAT_SERVICE))
