"""Stream replicas, with a single broker and a cluster of three."""

from pathlib import Path

import pytest
from nats.js.api import PubAck
from nats.js.errors import NoStreamResponseError

from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.errors import BrokerUnavailableError, BrokerUnusableError
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_testkit.broker import broker_cluster
from opsroom_testkit.waiting import until_answer


def spec(replicas: int) -> StreamSpec:
    return StreamSpec("S", ("s.>",), replicas=replicas)


async def replicas(broker: NatsConnection) -> int | None:
    return (await broker.jetstream.stream_info("S")).config.num_replicas


@pytest.mark.parametrize("exists", [False, True], ids=["new stream", "existing stream"])
async def test_a_single_broker_rejects_replicas_and_names_the_setting(
    broker: NatsConnection, exists: bool
) -> None:
    if exists:
        await ensure_stream(broker, spec(1))
    with pytest.raises(BrokerUnusableError) as rejected:
        await ensure_stream(broker, spec(3))
    assert not isinstance(rejected.value, BrokerUnavailableError), "waiting will not help"
    assert str(rejected.value) == (
        "STREAM_REPLICAS=3: the NATS server is not a cluster; set STREAM_REPLICAS=1"
    )
    if exists:
        assert await replicas(broker) == 1


async def connect_to_cluster(url: str) -> NatsConnection | None:
    """A connection, or None while the nodes elect a leader."""
    try:
        return await connect(url, name="test")
    except BrokerUnavailableError:
        return None


async def publish(broker: NatsConnection) -> PubAck | None:
    """Store a message; None while our node does not know the stream, whose leader is another node."""
    try:
        return await broker.jetstream.publish("s.one", b"kept")
    except NoStreamResponseError:
        return None


async def test_a_cluster_adds_replicas_of_a_stream_and_never_removes_them(tmp_path: Path) -> None:
    async with broker_cluster(tmp_path) as url:
        broker = await until_answer(lambda: connect_to_cluster(url), bool)
        assert broker is not None
        try:
            await ensure_stream(broker, spec(1))
            stored = await until_answer(lambda: publish(broker), bool)
            assert stored is not None
            await ensure_stream(broker, spec(3))
            assert await replicas(broker) == 3
            stored_message = await broker.jetstream.get_msg("S", stored.seq)
            assert stored_message.data == b"kept"
            with pytest.raises(BrokerUnusableError, match=r"STREAM_REPLICAS=1: stream S has 3 replicas; set"):
                await ensure_stream(broker, spec(1))
            assert await replicas(broker) == 3
            with pytest.raises(
                BrokerUnavailableError, match=r"STREAM_REPLICAS=5: the NATS cluster has fewer than 5 nodes"
            ):
                await ensure_stream(broker, spec(5))
            assert await replicas(broker) == 3
        finally:
            await broker.close()
