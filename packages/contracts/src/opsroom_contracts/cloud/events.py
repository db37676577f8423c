"""Conversion of stored instance events to the events that clients receive."""

from opsroom_contracts.cloud.models import InstanceEvent, apply
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.serialization.model import copy_fields


def cloud_event_of(event: InstanceEvent, seq: int) -> CloudEvent:
    """Convert a stored event: add its sequence, the progress and the instance after it."""
    progress = None if event.pending is None else event.pending.progress
    return copy_fields(event, CloudEvent, seq=seq, instance=apply(event), progress=progress)
