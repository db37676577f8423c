"""The stored events of servers as clients see them."""

from opsroom_contracts.cloud import InstanceEvent, apply
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.model import copy_fields


def cloud_event_of(event: InstanceEvent, seq: int) -> CloudEvent:
    """A stored event with its sequence, and the instance as it left it."""
    return copy_fields(event, CloudEvent, seq=seq, instance=apply(event))
