"""The events of all instances, followed once for this process and fanned out in both dialects."""

import logging
from collections.abc import Callable

from opsroom_contracts.cloud import INSTANCE_EVENT, EventType, Instance, InstanceEvent, apply
from opsroom_contracts.codec import ContractError, encode
from opsroom_contracts.http import SSE_CHANGE, SSE_RESET, InstanceList, ResetEvent, as_cloud_event
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_gateway.transport.encoding import sse_event
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_BUFFER_COUNT = 4096
_BUFFER_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)

Watcher = Callable[[InstanceEvent, int], None]
"""Called with each event, after it is taken in, and its sequence."""


class InstanceProjection:
    """Takes in stored events; holds the instances as of ``head``, and fans the events out."""

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
        """Have ``watcher`` called after every event that is news."""
        self._watchers.append(watcher)

    def instance(self, instance_id: str) -> Instance | None:
        """One instance, one being created included."""
        return self._instances.get(instance_id)

    def instances(self) -> tuple[Instance, ...]:
        """All instances, those being created included, in the order of their ids: the same everywhere."""
        return tuple(self._instances[instance_id] for instance_id in sorted(self._instances))

    def list_json(self) -> bytes:
        """The list with its sequence as JSON, made once for as long as nothing changes."""
        if self._list is None:
            self._list = encode(InstanceList(seq=self.head, instances=self.instances()))
        return self._list

    def on_restart(self, *, fresh: bool) -> None:
        """Go on; or begin anew with the last event of every instance."""
        if fresh:
            self._instances = {}
            self._list = None
            self.head = 0
            self._live = False

    def on_message(self, message: StreamMessage) -> None:
        """Take in one event; what does not fit its contract is skipped, counted and logged."""
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
        """From here on the replay buffer holds everything; readers of an earlier stream must fetch anew."""
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
    """The SSE chunk of an event."""
    return sse_event(SSE_CHANGE, encode(as_cloud_event(event, seq)), seq)


def reset_chunk(seq: int) -> bytes:
    """The SSE chunk that tells a reader to fetch the list anew; its id lets it resume from there."""
    return sse_event(SSE_RESET, encode(ResetEvent(seq=seq)), seq)


def render_event(stored: StreamMessage) -> bytes:
    """The SSE chunk of an event read back; nothing for one that is not shown or does not fit."""
    try:
        event = INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return b""
    return b"" if event.type is EventType.RETAINED else change_chunk(event, stored.seq)
