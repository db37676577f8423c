"""Requests of the sweeper to the broker."""

from collections import Counter

from nats.aio.msg import Msg

from opsroom_contracts.subjects import CHAT_STREAM, GATEWAYS_BUCKET
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until
from services.chat.tests.harness import Chat, service

LEASES = f"KV_{GATEWAYS_BUCKET}"


async def test_leases_are_read_only_while_somebody_is_connected(broker: NatsConnection) -> None:
    reads: Counter[str] = Counter()

    async def count(message: Msg) -> None:
        *_, what, stream = message.subject.split(".")
        if what == "GET":
            reads[stream] += 1

    await broker.client.subscribe("$JS.API.>", cb=count)
    async with service(broker):
        chat = Chat(broker)
        await until(lambda: reads[CHAT_STREAM] > 2)  # sweeps
        assert reads[LEASES] == 0
        registered = await chat.register("Ann")
        await chat.join(registered.token)
        await until(lambda: reads[LEASES] > 0)
