"""The records of users and their sockets agree again: after a lost reply, and after a restore."""

from pathlib import Path
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import MEMBER, Connection, JoinRequest
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import GATEWAYS_BUCKET, MEMBERS_STREAM, member_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.leases import live_gateways
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
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


async def test_a_socket_is_added_to_the_record_that_a_restored_stream_has(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """The record is older than the socket: it has a lower sequence, and a connection to another gateway."""
    async with portal_at(broker_process.url) as portal:
        (gateway_id,) = await live_gateways(broker)
        token = await token_of(portal.gateway, "Ann")
        async with person(portal.gateway, token) as ann:
            reader = StreamReader(broker, MEMBERS_STREAM)
            subject = member_subject(ann.welcome["user"]["id"])

            async def gateways() -> set[str]:
                stored = await reader.last(subject)
                return (
                    set() if stored is None else {one.gateway for one in MEMBER.read(stored.data).connections}
                )

            stored = await reader.last(subject)
            assert stored is not None
            other = (Connection(id="older", gateway="other"),)
            older = MEMBER.read(stored.data).model_copy(update={"connections": other})
            leases = await broker.jetstream.key_value(GATEWAYS_BUCKET)
            await leases.put("other", b"")
            await broker.jetstream.delete_stream(MEMBERS_STREAM)
            await ensure_stream(broker, members_stream(replicas=1))
            restored = await broker.jetstream.publish(subject, encode(older))
            assert restored.seq < stored.seq
            await until_answer(gateways, lambda found: found == {"other", gateway_id})
