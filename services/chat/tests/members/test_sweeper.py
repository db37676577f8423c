"""The sweeper: its requests to the broker, and the independence of its duties."""

import json
import re
from collections import Counter

import pytest
from nats.aio.msg import Msg

from opsroom_contracts.subjects import CHAT_STREAM, GATEWAYS_BUCKET, erasure_subject, message_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until, until_answer
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


def erasure(message_id: str, seq: int) -> bytes:
    """Return a record of a pending erasure."""
    return json.dumps({"version": 1, "room": "general", "id": message_id, "messageSeq": seq}).encode()


async def test_a_bad_erasure_is_dropped_and_stops_no_other_duty(
    broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(broker):
        chat = Chat(broker)
        ann = await chat.present("Ann", gateway="dead")
        sent = await chat.send(ann.user.id, "kept", client_id="c1")
        bad = {
            "zero": erasure("zero", 0),
            "another": erasure("another", sent.seq),
            "future": erasure("future", 10_000),
            sent.id: erasure(sent.id, sent.seq),
            "garbage": b"garbage",
        }
        for message_id, payload in bad.items():
            await chat.put(erasure_subject(message_id), payload)

        async def pending() -> bool:
            return await chat.messages.last("chat.erasures.*") is not None

        await until_answer(pending, lambda left: not left)
        await chat.no_longer_lists("Ann", timeout=30)  # her gateway has no lease
        assert (await chat.messages.last(message_subject("general", sent.id))) is not None
    dropped = [message for message in caplog.messages if message.startswith("dropped an erasure")]
    assert len(dropped) == len(bad), "each once"


async def test_erasures_that_fail_are_logged_once_and_stop_no_other_duty(
    broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = 0

    async def count(_: Msg) -> None:
        nonlocal attempts
        attempts += 1

    await broker.client.subscribe(f"$JS.API.STREAM.MSG.DELETE.{CHAT_STREAM}", cb=count)
    async with service(broker):
        chat = Chat(broker)
        ann = await chat.present("Ann", gateway="dead")
        sent = await chat.send(ann.user.id, "text", client_id="c1")
        config = (await broker.jetstream.stream_info(CHAT_STREAM)).config
        await broker.jetstream.update_stream(config.evolve(deny_delete=True))
        await chat.put(message_subject("general", sent.id), b"what replaced it")
        await chat.put(erasure_subject(sent.id), erasure(sent.id, sent.seq))
        await until(lambda: attempts >= 3)
        await chat.no_longer_lists("Ann", timeout=30)  # her gateway has no lease
    assert sum("sweeper: erasures failed" in message for message in caplog.messages) == 1
    assert re.search(
        rb'opsroom_duty_failures_total{duty="erasures",worker="sweeper"} [1-9]', broker.metrics.render("")[0]
    )
