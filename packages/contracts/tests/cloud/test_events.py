"""Conversion of stored instance events to client events."""

from hypothesis import given

from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.instances import InstanceFacts
from opsroom_contracts.cloud.models import INSTANCE_EVENT, InstanceEvent, apply
from opsroom_contracts.serialization.codec import encode
from packages.contracts.tests.strategies import values_of


@given(values_of(InstanceEvent).map(InstanceEvent.model_validate))
def test_a_client_event_has_all_fields_the_sequence_and_the_instance(stored: InstanceEvent) -> None:
    shown = cloud_event_of(stored, 7)
    hidden = {
        "version",
        "since",
        "identity",
        "start",
        "pending",
        "pending_identity",
        *InstanceFacts.model_fields,
    }
    assert shown.model_dump(exclude={"seq", "instance", "progress"}) == stored.model_dump(exclude=hidden)
    assert (shown.seq, shown.instance) == (7, apply(stored))
    assert shown.progress == (None if stored.pending is None else stored.pending.progress)


@given(values_of(InstanceEvent).map(InstanceEvent.model_validate))
def test_an_event_is_stored_without_a_loss(event: InstanceEvent) -> None:
    assert INSTANCE_EVENT.read(encode(event.stored())) == event
