"""Events stored by other releases: older ones are read, newer ones skipped and not followed by writes."""

import json
from typing import Literal

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import DUE_OPERATION, INSTANCE_EVENT, InstanceEvent, OperationStatus
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.serialization.model import Identifier, Model, Timestamp
from opsroom_contracts.serialization.versions import PreviousVersion
from opsroom_contracts.subjects import instance_due, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, each_once
from services.cloud.tests.test_malformed import statistics

VERSION = INSTANCE_EVENT.version + 1
NEWER = json.dumps({"version": VERSION, "type": "hibernated", "instanceId": "i", "until": "spring"}).encode()


class Birth(Model):
    """An invented previous version."""

    version: Literal[0]
    server: Identifier
    at: Timestamp


def upgrade(old: Birth) -> InstanceEvent:
    return InstanceEvent(
        type=EventType.CREATED,
        instance_id=old.server,
        operation_id=f"birth-of-{old.server}",
        command=Command.CREATE,
        state=InstanceState.RUNNING,
        actor="ann",
        timestamp=old.at,
    )


async def test_an_event_of_an_older_release_is_read_and_the_instance_can_be_changed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INSTANCE_EVENT.previous, 0, PreviousVersion(Birth, upgrade))
    birth = {"version": 0, "server": "old-1", "at": "2020-01-01T00:00:00Z"}
    await cloud.put(instance_events("old-1"), json.dumps(birth).encode())
    found = await until_answer(lambda: cloud.instance("old-1"), bool)
    assert found is not None
    assert (found.state, found.timestamp.year) == (InstanceState.RUNNING, 2020)
    operation = (await cloud.change(Command.STOP, "old-1")).operation
    assert (await cloud.finished(operation)).status is OperationStatus.DONE


async def test_a_newer_event_is_counted_and_not_followed_by_writes(
    cloud: Cloud, broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    instance_id = await cloud.created()
    subject = instance_events(instance_id)
    seq = await cloud.put(subject, NEWER)
    await until_answer(lambda: statistics(broker), lambda found: found["malformed"] == 1)
    assert f"skipped {subject} (sequence {seq}): version: is {VERSION}, from a newer release" in caplog.text
    for endpoint in endpoints.CHANGE_INSTANCE.values():
        payload = json.dumps({"instanceId": instance_id}).encode()
        fault = FAULT.validate_json((await broker.client.request(endpoint.subject, payload)).data)
        assert fault.code is ErrorCode.UNAVAILABLE, "a process of the newer release may accept it"
    await cloud.created()  # the sweeps that run meanwhile repair nothing
    last = await cloud.reader.last(subject)
    assert last is not None
    assert last.seq == seq


async def test_a_pending_operation_followed_by_a_newer_event_is_left_alone(
    cloud: Cloud,
) -> None:
    operation = (await cloud.create()).operation
    subject = instance_events(operation.instance_id)
    seq = await cloud.put(subject, NEWER)
    each_once(
        await cloud.kept(instance_events(await cloud.created()))
    )  # waits as long as the operation would have taken
    last = await cloud.reader.last(subject)
    assert last is not None
    assert last.seq == seq


async def test_a_newer_due_message_is_redelivered(cloud: Cloud, broker: NatsConnection) -> None:
    await cloud.put(instance_due("i"), b'{"version":2,"what":"ever"}')

    async def out() -> bool:
        info = await broker.jetstream.consumer_info("CLOUD", "workers")
        return bool(info.num_ack_pending == 1 and info.num_redelivered)

    await until_answer(out, bool)
    assert (await statistics(broker))["malformed_due"] == 0
    assert DUE_OPERATION.version == 1
