"""The instances and their events, read once for this process and sent to readers of both APIs."""

import logging
from collections.abc import Callable

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, InstanceEvent, apply
from opsroom_contracts.http import SSE_CHANGE, SSE_RESET, InstanceList, ResetEvent
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_gateway.transport.encoding import sse_event
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_BUFFER_COUNT = 4096
_BUFFER_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)

Watcher = Callable[[InstanceEvent, int], None]
"""Called with each event and its sequence, after the projection has applied it."""


class InstanceProjection:
    """Applies stored events: holds the instances as of ``head``, and publishes the events to ``readers``."""

    def __init__(self) -> None:
        self.readers = Broadcaster()
        self.buffer = ReplayBuffer(_BUFFER_COUNT, _BUFFER_BYTES)
        self.head = 0
        self.malformed = 0
        self._instances: dict[str, Instance] = {}
        self._live = False
        self._watchers: list[Watcher] = []
        self._list: bytes | None = None

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher`` after every new event."""
        self._watchers.append(watcher)

    def instance(self, instance_id: str) -> Instance | None:
        """Return one instance, which may still be being created."""
        return self._instances.get(instance_id)

    def instances(self) -> tuple[Instance, ...]:
        """Return all instances, including those being created, ordered by id."""
        return tuple(self._instances[instance_id] for instance_id in sorted(self._instances))

    def list_json(self) -> bytes:
        """Return the list with its sequence as JSON, cached until something changes."""
        if self._list is None:
            self._list = encode(InstanceList(seq=self.head, instances=self.instances()))
        return self._list

    def on_restart(self, *, reset: bool) -> None:
        """Continue, or (``fresh``) start over with the last event of every instance."""
        if reset:
            self._instances = {}
            self._list = None
            self.head = 0
            self._live = False

    def on_message(self, message: StreamMessage) -> None:
        """Apply one event. Events that violate their contract are skipped, counted and logged."""
        self.head = message.seq
        self._list = None
        try:
            event = INSTANCE_EVENT.read(message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        after = apply(event)
        if after is None:
            self._instances.pop(event.instance_id, None)
        else:
            self._instances[event.instance_id] = after
        if self._live:
            self._fan_out(event, message.seq)

    def on_synced(self) -> None:
        """Go live: the replay buffer is complete from here on. Readers of an earlier stream must refetch."""
        if self._live:
            return
        self._live = True
        self.buffer.restart(self.head + 1)
        self.readers.publish(reset_chunk(self.head))

    def _fan_out(self, event: InstanceEvent, seq: int) -> None:
        if event.type is not EventType.RETAINED:
            chunk = change_chunk(event, seq)
            self.buffer.put(seq, chunk)
            self.readers.publish(chunk)
        for watcher in self._watchers:
            watcher(event, seq)


def change_chunk(event: InstanceEvent, seq: int) -> bytes:
    """Return the SSE chunk of an event."""
    return sse_event(SSE_CHANGE, encode(cloud_event_of(event, seq)), seq)


def reset_chunk(seq: int) -> bytes:
    """Return the SSE chunk that makes a client refetch the list; its event id lets it resume from there."""
    return sse_event(SSE_RESET, encode(ResetEvent(seq=seq)), seq)


def render_event(stored: StreamMessage) -> bytes:
    """Return the SSE chunk of a stored event; empty if the event is not public or violates its contract."""
    try:
        event = INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return b""
    return b"" if event.type is EventType.RETAINED else change_chunk(event, stored.seq)
