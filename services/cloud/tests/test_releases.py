"""Events that other releases stored: older ones read, newer ones skipped and left alone."""

import json
from typing import Literal

import pytest

from opsroom_contracts.cloud import (
    DUE_OPERATION,
    INSTANCE_EVENT,
    Command,
    EventType,
    InstanceEvent,
    InstanceState,
    OperationStatus,
)
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.model import Identifier, Model, Timestamp
from opsroom_contracts.subjects import CloudSubject, instance_due, instance_events
from opsroom_contracts.versions import Older
from opsroom_messaging.connection import Broker
from services.cloud.tests.harness import Cloud, each_once
from services.cloud.tests.test_malformed import statistics
from tests.waiting import until_answer

NEWER = json.dumps({"version": 2, "type": "hibernated", "instanceId": "i", "until": "spring"}).encode()


class Birth(Model):
    """A made-up shape of the past."""

    version: Literal[0]
    server: Identifier
    at: Timestamp


def lifted(old: Birth) -> InstanceEvent:
    return InstanceEvent(
        type=EventType.CREATED,
        instance_id=old.server,
        operation_id=f"birth-of-{old.server}",
        command=Command.CREATE,
        state=InstanceState.RUNNING,
        actor="ann",
        timestamp=old.at,
    )


async def test_an_older_event_is_read_and_what_it_tells_goes_on(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INSTANCE_EVENT.older, 0, Older(Birth, lifted))
    birth = {"version": 0, "server": "old-1", "at": "2020-01-01T00:00:00Z"}
    await cloud.put(instance_events("old-1"), json.dumps(birth).encode())
    found = await until_answer(lambda: cloud.instance("old-1"), bool)
    assert found is not None
    assert (found.state, found.timestamp.year) == (InstanceState.RUNNING, 2020)
    operation = (await cloud.change(CloudSubject.STOP, "old-1")).operation
    assert (await cloud.finished(operation)).status is OperationStatus.DONE


async def test_a_newer_event_is_counted_and_nobody_here_writes_after_it(
    cloud: Cloud, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    instance_id = await cloud.made()
    subject = instance_events(instance_id)
    seq = await cloud.put(subject, NEWER)
    await until_answer(lambda: statistics(broker), lambda found: found["malformed"] == 1)
    assert f"skipped {subject} (sequence {seq}): version: is 2, of a newer release" in caplog.text
    for command in (CloudSubject.START, CloudSubject.REMOVE):
        payload = json.dumps({"instanceId": instance_id}).encode()
        fault = FAULT.validate_json((await broker.client.request(command, payload, timeout=30)).data)
        assert fault.code is ErrorCode.UNAVAILABLE, "somebody else may know what to do"
    await cloud.made()  # the sweeps that come meanwhile repair nothing here
    last = await cloud.reader.last(subject)
    assert last is not None
    assert last.seq == seq


async def test_a_pending_operation_with_a_newer_event_after_it_is_left_to_whoever_wrote_that(
    cloud: Cloud,
) -> None:
    operation = (await cloud.create()).operation
    subject = instance_events(operation.instance_id)
    seq = await cloud.put(subject, NEWER)
    each_once(await cloud.kept(instance_events(await cloud.made())))  # as long as this one would have taken
    last = await cloud.reader.last(subject)
    assert last is not None
    assert last.seq == seq


async def test_a_newer_due_message_waits_for_a_newer_worker(cloud: Cloud, broker: Broker) -> None:
    await cloud.put(instance_due("i"), b'{"version":2,"what":"ever"}')

    async def out() -> bool:
        info = await broker.jetstream.consumer_info("CLOUD", "workers")
        return bool(info.num_ack_pending == 1 and info.num_redelivered)

    await until_answer(out, bool)
    assert (await statistics(broker))["malformed_due"] == 0
    assert DUE_OPERATION.version == 1
