"""Conversion of stored instance events to client events."""

from hypothesis import given

from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import InstanceEvent, apply
from packages.contracts.tests.strategies import values_of


@given(values_of(InstanceEvent).map(InstanceEvent.model_validate))
def test_a_client_event_has_all_fields_the_sequence_and_the_instance(stored: InstanceEvent) -> None:
    shown = cloud_event_of(stored, 7)
    assert shown.model_dump(exclude={"seq", "instance"}) == stored.model_dump(
        exclude={"version", "since", "identity"}
    )
    assert (shown.seq, shown.instance) == (7, apply(stored))
