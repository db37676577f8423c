"""Streams and the number of their copies, with one broker and with a cluster of three."""

from pathlib import Path

import pytest
from nats.js.api import PubAck
from nats.js.errors import NoStreamResponseError

from opsroom_messaging.client.connection import (
    BrokerUnavailableError,
    BrokerUnusableError,
    NatsConnection,
    connect,
)
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_testkit.broker import broker_cluster
from opsroom_testkit.waiting import until_answer


def spec(copies: int) -> StreamSpec:
    return StreamSpec("S", ("s.>",), replicas=copies)


async def copies(broker: NatsConnection) -> int | None:
    return (await broker.jetstream.stream_info("S")).config.num_replicas


@pytest.mark.parametrize("exists", [False, True], ids=["a new stream", "one that is there"])
async def test_one_broker_alone_refuses_copies_and_names_the_setting(
    broker: NatsConnection, exists: bool
) -> None:
    if exists:
        await ensure_stream(broker, spec(1))
    with pytest.raises(BrokerUnusableError) as refused:
        await ensure_stream(broker, spec(3))
    assert not isinstance(refused.value, BrokerUnavailableError), "waiting will not change it"
    assert str(refused.value) == (
        "STREAM_REPLICAS=3: the NATS server is no cluster, which takes STREAM_REPLICAS=1"
    )
    if exists:
        assert await copies(broker) == 1


async def clustered(url: str) -> NatsConnection | None:
    """A connection, once the nodes have chosen a leader."""
    try:
        return await connect(url, name="test")
    except BrokerUnavailableError:
        return None


async def published(broker: NatsConnection) -> PubAck | None:
    """Store a message; None: the node that we are at has not heard of the stream yet, which is at another."""
    try:
        return await broker.jetstream.publish("s.one", b"kept")
    except NoStreamResponseError:
        return None


async def test_a_cluster_makes_more_copies_of_a_stream_and_never_fewer(tmp_path: Path) -> None:
    async with broker_cluster(tmp_path) as url:
        broker = await until_answer(lambda: clustered(url), bool)
        assert broker is not None
        try:
            await ensure_stream(broker, spec(1))
            stored = await until_answer(lambda: published(broker), bool)
            assert stored is not None
            await ensure_stream(broker, spec(3))
            assert await copies(broker) == 3
            kept = await broker.jetstream.get_msg("S", stored.seq)
            assert kept.data == b"kept"
            with pytest.raises(BrokerUnusableError, match=r"STREAM_REPLICAS=1: stream S has 3 copies; set"):
                await ensure_stream(broker, spec(1))
            assert await copies(broker) == 3
            with pytest.raises(
                BrokerUnavailableError, match=r"STREAM_REPLICAS=5: the NATS cluster has no 5 nodes"
            ):
                await ensure_stream(broker, spec(5))
            assert await copies(broker) == 3
        finally:
            await broker.close()
