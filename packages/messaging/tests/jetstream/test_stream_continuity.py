"""A subscription whose stream is replaced or purged while it runs starts over."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_runtime.process import run_tasks
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from packages.messaging.tests.kit.recorder import Recorder, fill

SPEC = StreamSpec("S", ("s.>",))
EVENTS = SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS)
NEWEST = SubscriptionSpec("S", ("s.>",), StartPolicy.EVENTS, newest=10)
STATE = SubscriptionSpec("S", ("s.>",), StartPolicy.STATE)
STATE_THEN_EVENTS = SubscriptionSpec("S", ("s.>",), StartPolicy.STATE_THEN_EVENTS)


@pytest.mark.parametrize("count", [2, 8], ids=["behind the position", "beyond the position"])
@pytest.mark.parametrize("spec", [EVENTS, NEWEST, STATE, STATE_THEN_EVENTS], ids=lambda spec: spec.policy)
async def test_a_recreated_stream_is_read_from_its_start(
    broker: NatsConnection, spec: SubscriptionSpec, count: int
) -> None:
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, spec, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 5)
        assert await subscription.wait_for(5, 5)
        first = recorder.epoch
        await broker.jetstream.delete_stream("S")
        await ensure_stream(broker, SPEC)
        await fill(writer, count)
        await until(lambda: recorder.renewals)
        await until(lambda: recorder.seen[recorder.renewals[-1] :] == list(range(1, count + 1)))
        assert recorder.epoch not in {None, first}
        assert subscription.epoch == recorder.epoch


async def test_after_a_reset_only_the_newest_messages_are_read(broker: NatsConnection) -> None:
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder()
    async with run_tasks(writer=writer.run()):
        await fill(writer, 25)
        subscription = StreamSubscription(broker, NEWEST, recorder)
        async with run_tasks(subscription=subscription.run()):
            await subscription.ready(5)
            assert recorder.seen == list(range(16, 26))


@pytest.mark.parametrize("later", [0, 15], ids=["behind the position", "beyond the position"])
@pytest.mark.parametrize("spec", [EVENTS, STATE, STATE_THEN_EVENTS], ids=lambda spec: spec.policy)
async def test_a_stream_whose_files_were_replaced_is_read_again(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, spec: SubscriptionSpec, later: int
) -> None:
    """An older copy has the same epoch and time of creation; only the messages differ."""
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, spec, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 20)
        await broker_process.stop()
        shutil.copytree(broker_process.stream_folder("S"), tmp_path / "copy")
        await broker_process.start()
        await until(lambda: broker.connected)
        await fill(writer, 10, "s.1{}".format)
        assert await subscription.wait_for(30, 10)
        await broker_process.stop()
        shutil.rmtree(broker_process.stream_folder("S"))
        shutil.copytree(tmp_path / "copy", broker_process.stream_folder("S"))
        await broker_process.start()
        await until(lambda: broker.connected)
        restarts = len(recorder.restarts)
        await fill(writer, later, "s.2{}".format)
        await until(lambda: subscription.last_seq == 20 + later and any(recorder.restarts[restarts:]))
        await until(lambda: subscription.live)
        start = len(recorder.seen) - (20 + later)
        assert recorder.seen[start:] == list(range(1, 21 + later))


@pytest.mark.parametrize("spec", [EVENTS, STATE_THEN_EVENTS], ids=lambda spec: spec.policy)
async def test_a_stream_whose_files_were_replaced_is_noticed_by_messages_that_are_not_read(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, spec: SubscriptionSpec
) -> None:
    """Where the last message was, the stream now has one of a subject that the subscription does not read."""
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder()
    some = replace(spec, subjects=("s.read.*",))
    subscription = StreamSubscription(broker, some, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 3, "s.read.{}".format)
        await broker_process.stop()
        shutil.copytree(broker_process.stream_folder("S"), tmp_path / "copy")
        await broker_process.start()
        await until(lambda: broker.connected)
        await fill(writer, 2, "s.read.1{}".format)
        assert await subscription.wait_for(5, 10)
        await broker_process.stop()
        shutil.rmtree(broker_process.stream_folder("S"))
        shutil.copytree(tmp_path / "copy", broker_process.stream_folder("S"))
        await broker_process.start()
        await until(lambda: broker.connected)
        await fill(writer, 4, "s.other.{}".format)
        await fill(writer, 1, "s.read.2{}".format)
        await until(lambda: subscription.last_seq == 8 and subscription.live)
        assert recorder.seen[-4:] == [1, 2, 3, 8]


@pytest.mark.parametrize("spec", [EVENTS, STATE, STATE_THEN_EVENTS], ids=lambda spec: spec.policy)
async def test_a_handler_that_misses_purged_messages_starts_over(
    broker: NatsConnection, spec: SubscriptionSpec
) -> None:
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder(starts_over=True)
    subscription = StreamSubscription(broker, spec, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 5)
        assert await subscription.wait_for(5, 5)
        await broker.jetstream.purge_stream("S")
        await until(lambda: len(recorder.restarts) > 1)
        assert recorder.restarts[-1] is True
        await fill(writer, 1)
        await until(lambda: recorder.seen == [1, 2, 3, 4, 5, 6])
    assert not recorder.renewals


async def test_a_handler_that_misses_nothing_continues_after_a_purge(broker: NatsConnection) -> None:
    await ensure_stream(broker, SPEC)
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, EVENTS, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await fill(writer, 5)
        assert await subscription.wait_for(5, 5)
        await broker.jetstream.purge_stream("S")
        await broker.client.request("$JS.API.CONSUMER.LIST.S")
        await fill(writer, 1)
        await until(lambda: recorder.seen == [1, 2, 3, 4, 5, 6])
    assert recorder.restarts == [True]


async def test_the_first_epoch_of_an_older_stream_is_no_reset(broker: NatsConnection) -> None:
    await broker.jetstream.add_stream(name="S", subjects=["s.>"], allow_direct=True)
    writer, recorder = BatchWriter(broker), Recorder()
    subscription = StreamSubscription(broker, EVENTS, recorder)
    async with run_tasks(writer=writer.run(), subscription=subscription.run()):
        await subscription.ready(5)
        await broker.jetstream.publish("s.1", b"")
        assert await subscription.wait_for(1, 5)
        assert recorder.epoch is None
        await ensure_stream(broker, SPEC)
        await until(lambda: recorder.epoch)
    assert recorder.restarts == [True, False]
    assert recorder.seen == [1]
