"""A join that was stored although its reply was lost leaves no user on the list."""

from pathlib import Path
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import Connection, JoinRequest
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.leases import live_gateways
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import person, token_of
from services.gateway.tests.kit.portal import portal_at


async def test_a_connection_without_a_socket_is_removed(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    """It happens after a long broker outage: the buffered request is sent after its caller gave up."""
    async with portal_at(broker_process.url) as portal, portal.gateway.requests() as client:
        (gateway_id,) = await live_gateways(broker)
        token = await token_of(portal.gateway, "stray")
        lost = JoinRequest(connection=Connection(id=uuid4().hex, gateway=gateway_id), token=token)
        await RequestClient(broker).request(endpoints.JOIN, lost)

        async def names() -> list[str]:
            return [user["name"] for user in (await client.get("/api/v1/chat/users")).json()["users"]]

        async with person(portal.gateway, name="witness") as witness:
            await until_answer(names, lambda found: found == ["witness"])
            assert (await witness.say("still here"))["type"] == "ack"
            await until_answer(names, lambda found: found == ["witness"])
