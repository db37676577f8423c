"""The list of servers while a gateway reads its stream again."""

import json
from datetime import UTC, datetime

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CLOUD_EVENTS
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

OLD, NEW = "old", "new"


def created(instance: str, seq: int) -> StreamMessage:
    event = InstanceEvent(
        type=EventType.CREATED,
        instance_id=instance,
        operation_id=f"of-{instance}",
        command=Command.CREATE,
        actor="ann",
        state=InstanceState.STOPPED,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return StreamMessage(seq, CLOUD_EVENTS.replace("*", instance), encode(event.stored()))


def listed(projection: InstanceProjection) -> tuple[int, str, list[str]]:
    found = json.loads(projection.list_json())
    return found["seq"], found["epoch"], [instance["id"] for instance in found["instances"]]


def test_the_list_is_complete_while_the_stream_is_read_again() -> None:
    projection = InstanceProjection()
    projection.on_restart(Restart(reset=True, epoch=OLD))
    for seq, instance in enumerate("ab", 1):
        projection.on_message(created(instance, seq))
    projection.on_synced()
    before = (2, OLD, ["a", "b"])
    assert listed(projection) == before
    rebuilt: list[list[str]] = []
    projection.watch(lambda _event, _seq, _before: None, lambda instances: rebuilt.append(sorted(instances)))
    projection.on_restart(Restart(reset=True, renewed=True, epoch=NEW))
    assert listed(projection) == before
    projection.on_message(created("a", 1))
    assert listed(projection) == before
    assert (projection.head, projection.epoch, projection.instance("b") is not None) == (2, OLD, True)
    projection.on_restart(Restart(reset=False, epoch=NEW))  # the broker was gone for a moment
    projection.on_message(created("c", 5))
    projection.on_synced()
    assert listed(projection) == (5, NEW, ["a", "c"])
    assert rebuilt == [["a", "b"]]
