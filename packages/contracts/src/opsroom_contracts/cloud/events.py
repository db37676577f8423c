"""Conversion of stored instance events to the events that clients receive."""

from opsroom_contracts.cloud.models import InstanceEvent, apply
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.serialization.model import copy_fields


def cloud_event_of(event: InstanceEvent, seq: int) -> CloudEvent:
    """Convert a stored event: add its sequence and the instance after it."""
    return copy_fields(event, CloudEvent, seq=seq, instance=apply(event))
